import { describe, expect, it } from 'vitest';

import { parseRange, wallRange } from './range';
import { formatClock, formatTime, fromWall, isZone, offsetLabel } from './time';

const AT = Date.UTC(2026, 10, 21, 8, 8, 44, 123);

describe('times', () => {
  it('are shown in the zone that was asked for', () => {
    expect(formatTime(AT, 'Asia/Seoul')).toBe('2026-11-21 17:08:44');
    expect(formatTime(AT, 'UTC')).toBe('2026-11-21 08:08:44');
    expect(formatClock(AT, 'Asia/Seoul')).toBe('17:08:44.123');
  });
  it('name the offset, half hours too', () => {
    expect(offsetLabel(AT, 'Asia/Seoul')).toBe('UTC+9');
    expect(offsetLabel(AT, 'Asia/Kolkata')).toBe('UTC+5:30');
    expect(offsetLabel(AT, 'America/New_York')).toBe('UTC−5');
    expect(offsetLabel(AT, 'UTC')).toBe('UTC');
  });
  it('are read as wall time, around a clock change too', () => {
    expect(fromWall('2026-11-21 17:08', 'Asia/Seoul')).toBe(Date.UTC(2026, 10, 21, 8, 8));
    expect(fromWall('2026-11-01 03:00', 'America/New_York')).toBe(Date.UTC(2026, 10, 1, 8));
    expect(fromWall('2026-11-21', 'UTC')).toBe(Date.UTC(2026, 10, 21));
    expect(fromWall('soon', 'UTC')).toBeNaN();
  });
  it('know a zone from a word', () => {
    expect(isZone('Asia/Seoul')).toBe(true);
    expect(isZone('Asia/Nowhere')).toBe(false);
  });
});

describe('ranges', () => {
  it('end now when they are relative', () => {
    expect(parseRange('6h', AT)).toEqual({ text: '6h', startMs: AT - 21_600_000, endMs: AT, relative: true });
  });
  it('survive the URL when they are absolute', () => {
    const text = wallRange('2026-11-21 10:00', '2026-11-21 11:00', 'Asia/Seoul');
    expect(text).not.toBeNull();
    expect(parseRange(text ?? '', AT)?.startMs).toBe(Date.UTC(2026, 10, 21, 1));
  });
  it.each(['', '0h', 'x', '2026~2025', '5y'])('refuse %j', (text) => {
    expect(parseRange(text, AT)).toBeNull();
  });
});
