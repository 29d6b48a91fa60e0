import { describe, expect, it } from 'vitest';

import { chosenRange, fillBuckets, stepSeconds } from './buckets';

describe('buckets', () => {
  it.each([[300, 5], [3600, 30], [86_400, 900], [30 * 86_400, 21_600]])('of %d seconds are %d seconds wide', (span, step) => {
    expect(stepSeconds({ startMs: 0, endMs: span * 1000 })).toBe(step);
  });
  it('are there where nothing happened, too', () => {
    const range = { startMs: 10_000, endMs: 40_000 };
    expect(fillBuckets([[2, '7']], range, 10)).toEqual([
      { startMs: 10_000, rows: 0 }, { startMs: 20_000, rows: 7 }, { startMs: 30_000, rows: 0 },
    ]);
  });
  it('make a range when they are dragged over, either way', () => {
    const buckets = [0, 10_000, 20_000].map((startMs) => ({ startMs, rows: 1 }));
    const range = '1970-01-01T00:00:10.000Z~1970-01-01T00:00:30.000Z';
    expect(chosenRange(buckets, 1, 2)).toBe(range);
    expect(chosenRange(buckets, 2, 1)).toBe(range);
    expect(chosenRange(buckets.slice(0, 1), 0, 0)).toBeNull();
  });
  it('never grow into thousands', () => {
    const range = { startMs: 0, endMs: 40 * 365 * 86_400_000 };
    expect(fillBuckets([], range, stepSeconds(range)).length).toBeLessThanOrEqual(122);
  });
});
