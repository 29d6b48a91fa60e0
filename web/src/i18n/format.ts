/** Numbers, sizes and durations as people read them; `exact*` gives what stands on hover. */

const BYTES = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
const MINUS = '\u2212';
/** Where there is no value. */
export const NOTHING = '\u2013';

const formats = new Map<string, Intl.NumberFormat>();

function numberFormat(language: string, options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = language + JSON.stringify(options);
  let format = formats.get(key);
  if (!format) {
    format = new Intl.NumberFormat(language, options);
    formats.set(key, format);
  }
  return format;
}

export function formatExact(value: number | bigint, language: string): string {
  return numberFormat(language, { maximumFractionDigits: 6 }).format(value).replace('-', MINUS);
}

/** 12,345 whole, as people compare it with what they counted; from 100,000 on compact: 123K, 4.2M (ko: 12.3만). */
export function formatCount(value: number, language: string): string {
  if (!Number.isFinite(value)) return NOTHING;
  if (Math.abs(value) < 100_000) {
    const digits = Number.isInteger(value) || Math.abs(value) >= 100 ? 0 : 1;
    return numberFormat(language, { maximumFractionDigits: digits }).format(value);
  }
  return numberFormat(language, {
    notation: 'compact',
    maximumSignificantDigits: 3,
    useGrouping: 'always',
  }).format(value);
}

export function formatBytes(value: number, language: string): string {
  if (!Number.isFinite(value)) return NOTHING;
  let size = Math.abs(value);
  let unit = 0;
  // 1,023.7 would be shown as 1,024 of the smaller unit.
  while (size >= 1023.5 && unit < BYTES.length - 1) {
    size /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || size >= 100 ? 0 : 1;
  const text = numberFormat(language, { maximumFractionDigits: digits }).format(size);
  return `${value < 0 ? MINUS : ''}${text} ${BYTES[unit] ?? ''}`;
}

/** 120 ms, 3.4 s, 2 m 5 s, 3 h 12 m, 4 d 2 h: two steps at most. */
export function formatDuration(seconds: number, language: string): string {
  if (!Number.isFinite(seconds) || seconds < 0) return NOTHING;
  const say = (value: number, digits: number) =>
    numberFormat(language, { maximumFractionDigits: digits }).format(value);
  const unit = durationUnits(language);
  if (seconds < 0.0995) return `${say(seconds * 1000, seconds < 0.00995 ? 1 : 0)}${unit.ms}`;
  if (seconds < 0.9995) return `${say(Math.round(seconds * 1000), 0)}${unit.ms}`;
  if (seconds < 59.5) return `${say(seconds, seconds < 9.95 ? 1 : 0)}${unit.s}`;
  const whole = Math.round(seconds);
  const [days, hours, minutes] = [
    Math.floor(whole / 86_400),
    Math.floor((whole % 86_400) / 3600),
    Math.floor((whole % 3600) / 60),
  ];
  if (days > 0) return joined(say(days, 0) + unit.d, hours, unit.h);
  if (hours > 0) return joined(String(hours) + unit.h, minutes, unit.m);
  return joined(String(minutes) + unit.m, whole % 60, unit.s);
}

function joined(first: string, rest: number, unit: string): string {
  return rest > 0 ? `${first} ${String(rest)}${unit}` : first;
}

function durationUnits(language: string) {
  return language.startsWith('ko')
    ? { ms: '\u202fms', s: '초', m: '분', h: '시간', d: '일' }
    : { ms: '\u202fms', s: '\u202fs', m: '\u202fm', h: '\u202fh', d: '\u202fd' };
}

const RELATIVE: [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
];
const relatives = new Map<string, Intl.RelativeTimeFormat>();

/** "3 minutes ago" / "3분 전"; within two seconds "now". */
export function formatRelative(atMs: number, nowMs: number, language: string): string {
  let format = relatives.get(language);
  if (!format) {
    format = new Intl.RelativeTimeFormat(language, { numeric: 'auto', style: 'short' });
    relatives.set(language, format);
  }
  const seconds = (atMs - nowMs) / 1000;
  if (Math.abs(seconds) < 2) return format.format(0, 'second');
  for (const [unit, size] of RELATIVE) {
    if (Math.abs(seconds) >= size) return format.format(Math.trunc(seconds / size), unit);
  }
  return format.format(0, 'second');
}
