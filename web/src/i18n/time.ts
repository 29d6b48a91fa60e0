/** Times in the reader's zone. ISO order in both languages: it sorts, and nobody mistakes it. */

const formats = new Map<string, Intl.DateTimeFormat>();

function parts(atMs: number, zone: string): Record<string, string> {
  let format = formats.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat('en-CA', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
    });
    formats.set(zone, format);
  }
  return Object.fromEntries(format.formatToParts(atMs).map((part) => [part.type, part.value]));
}

export function isZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}

/** 2026-11-21 17:08:44 */
export function formatTime(atMs: number, zone: string): string {
  if (!Number.isFinite(atMs)) return '';
  const p = parts(atMs, zone);
  return `${p['year'] ?? ''}-${p['month'] ?? ''}-${p['day'] ?? ''} ${p['hour'] ?? ''}:${p['minute'] ?? ''}:${p['second'] ?? ''}`;
}

/** 17:08:44.123 */
export function formatClock(atMs: number, zone: string): string {
  if (!Number.isFinite(atMs)) return '';
  const ms = String(((atMs % 1000) + 1000) % 1000 | 0).padStart(3, '0');
  return `${formatTime(atMs, zone).slice(11)}.${ms}`;
}

/** Minutes that the zone is ahead of UTC at that time. */
export function offsetMinutes(atMs: number, zone: string): number {
  const p = parts(atMs, zone);
  const n = (key: string) => Number(p[key]);
  const local = Date.UTC(n('year'), n('month') - 1, n('day'), n('hour'), n('minute'), n('second'));
  return Math.round((local - Math.floor(atMs / 1000) * 1000) / 60_000);
}

/** UTC+9, UTC-3:30 */
export function offsetLabel(atMs: number, zone: string): string {
  const minutes = offsetMinutes(atMs, zone);
  if (minutes === 0) return 'UTC';
  const hours = Math.floor(Math.abs(minutes) / 60);
  const rest = Math.abs(minutes) % 60;
  const tail = rest === 0 ? '' : `:${String(rest).padStart(2, '0')}`;
  return `UTC${minutes < 0 ? '\u2212' : '+'}${String(hours)}${tail}`;
}

/** Wall time in a zone, such as `2026-11-21T17:08`, to UTC milliseconds; NaN if it is none. */
export function fromWall(text: string, zone: string): number {
  const utc = Date.parse(`${text.trim().replace(' ', 'T')}${/\d\d:\d\d/.test(text) ? '' : 'T00:00'}Z`);
  if (Number.isNaN(utc)) return Number.NaN;
  // The offset at the guess may differ from the one at the answer around a clock change.
  const first = utc - offsetMinutes(utc, zone) * 60_000;
  return utc - offsetMinutes(first, zone) * 60_000;
}
