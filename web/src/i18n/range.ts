import { fromWall } from './time';

/** A time range as the URL holds it: `1h` (the last hour) or `<from>~<to>` in ISO 8601 UTC. */
export type Range = { text: string; startMs: number; endMs: number; relative: boolean };

export const RANGES = ['5m', '15m', '1h', '6h', '24h', '7d', '30d'] as const;
export const DEFAULT_RANGE = '1h';

const UNIT_MS: Record<string, number> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `1h` in words: "1 hour", "1시간". */
export function spanWords(text: string, language: string): string {
  const found = /^(\d{1,4})([mhd])$/.exec(text);
  if (!found) return text;
  const unit = { m: 'minute', h: 'hour', d: 'day' }[found[2] ?? 'm'] ?? 'minute';
  return new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'long' }).format(Number(found[1]));
}

export function parseRange(text: string, nowMs: number): Range | null {
  const relative = /^(\d{1,4})([mhd])$/.exec(text);
  if (relative) {
    const span = Number(relative[1]) * (UNIT_MS[relative[2] ?? ''] ?? 0);
    return span > 0 ? { text, startMs: nowMs - span, endMs: nowMs, relative: true } : null;
  }
  const [from = '', to = ''] = text.split('~');
  const startMs = Date.parse(from);
  const endMs = Date.parse(to);
  if (Number.isNaN(startMs) || Number.isNaN(endMs) || startMs >= endMs) return null;
  return { text, startMs, endMs, relative: false };
}

/** The range of two wall times in the reader's zone; null if they are no range. */
export function wallRange(from: string, to: string, zone: string): string | null {
  const startMs = fromWall(from, zone);
  const endMs = fromWall(to, zone);
  if (Number.isNaN(startMs) || Number.isNaN(endMs) || startMs >= endMs) return null;
  return `${new Date(startMs).toISOString()}~${new Date(endMs).toISOString()}`;
}
