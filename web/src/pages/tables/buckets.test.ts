import { describe, expect, it } from 'vitest';

import { fillBuckets, stepSeconds } from './buckets';

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
  it('never grow into thousands', () => {
    const range = { startMs: 0, endMs: 40 * 365 * 86_400_000 };
    expect(fillBuckets([], range, stepSeconds(range)).length).toBeLessThanOrEqual(122);
  });
});
