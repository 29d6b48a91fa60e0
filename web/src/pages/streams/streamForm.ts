import type { StreamSpec } from '@/api/types';

export const FORMATS = ['json', 'logfmt', 'csv', 'combined', 'syslog', 'plain', 'regex'] as const;

/** The form as it is typed: everything text, empty where the default is meant. */
export type StreamForm = {
  name: string;
  description: string;
  owner: string;
  format: string;
  pattern: string;
  header: string;
  partitions: string;
  key: string;
  timeField: string;
  timeFormat: string;
  age: string;
  size: string;
  table: string;
  deliver: boolean;
};

export const EMPTY: StreamForm = {
  name: '', description: '', owner: '', format: 'json', pattern: '', header: '', partitions: '1', key: '',
  timeField: '', timeFormat: '', age: '', size: '', table: '', deliver: true,
};

export type Fault = 'name' | 'taken' | 'pattern' | 'partitions' | 'age' | 'size' | 'table';

/** What cannot be sent as it is, by field. */
export function faults(form: StreamForm, taken: readonly string[]): Partial<Record<keyof StreamForm, Fault>> {
  const found: Partial<Record<keyof StreamForm, Fault>> = {};
  if (!/^[a-z][a-z0-9_]{0,62}$/.test(form.name)) found.name = 'name';
  else if (taken.includes(form.name)) found.name = 'taken';
  if (form.format === 'regex' && !form.pattern.includes('(?P<')) found.pattern = 'pattern';
  const partitions = Number(form.partitions);
  if (!Number.isInteger(partitions) || partitions < 1 || partitions > 64) found.partitions = 'partitions';
  if (form.age !== '' && !/^(\d+(\.\d+)?(ms|s|m|h|d|w))+$/.test(form.age)) found.age = 'age';
  if (form.size !== '' && !/^\d+(\.\d+)?\s*([KMGT]i?B?|B)?$/i.test(form.size)) found.size = 'size';
  if (form.table !== '' && !/^[a-z][a-z0-9_]{0,62}\.[a-z][a-z0-9_]{0,62}$/.test(form.table)) found.table = 'table';
  return found;
}

/** The spec that the form means: only what differs from the defaults, as people write it. */
export function toSpec(form: StreamForm): StreamSpec {
  const retention = { ...(form.age && { age: form.age }), ...(form.size && { size: form.size }) };
  const header = form.header.split(',').map((name) => name.trim()).filter(Boolean);
  return {
    ...(form.description && { description: form.description }),
    ...(form.owner && { owner: form.owner }),
    ...(form.format !== 'json' && { format: form.format }),
    ...(form.format === 'regex' && { pattern: form.pattern }),
    ...(form.format === 'csv' && header.length > 0 && { header }),
    ...(form.partitions !== '1' && { partitions: Number(form.partitions) }),
    ...(form.key && { key: form.key }),
    ...(form.timeField && { time: { field: form.timeField, ...(form.timeFormat && { format: form.timeFormat }) } }),
    ...(Object.keys(retention).length > 0 && { retention }),
    ...(!form.deliver ? { deliver: false } : form.table ? { deliver: { table: form.table } } : {}),
  };
}

/** A text as YAML: bare where that is unmistakable, quoted as JSON otherwise, which YAML reads too. */
function scalar(value: unknown): string {
  if (typeof value !== 'string') return JSON.stringify(value);
  const bare = /^[\p{L}_][\p{L}\p{N}_ ./()-]*$/u.test(value) && !/^(true|false|null|yes|no|on|off|y|n)$/i.test(value) && !value.endsWith(' ');
  return bare || /^\d+(\.\d+)?[A-Za-z]+$/.test(value) ? value : JSON.stringify(value);
}

/** The YAML that a spec is written as: maps of texts, numbers, truths and lists, nothing more. */
export function toYaml(spec: Record<string, unknown>, indent = ''): string {
  return Object.entries(spec)
    .map(([key, value]) => {
      if (Array.isArray(value)) return `${indent}${key}: [${value.map(scalar).join(', ')}]\n`;
      if (typeof value === 'object' && value !== null) return `${indent}${key}:\n${toYaml(value as Record<string, unknown>, `${indent}  `)}`;
      return `${indent}${key}: ${scalar(value)}\n`;
    })
    .join('');
}
