import type { Range } from '@/i18n/range';

export type Bucket = { startMs: number; rows: number };

/** Steps that people read easily, in seconds. */
const STEPS = [1, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 604_800];
const MOST_BUCKETS = 120;

export function stepSeconds({ startMs, endMs }: Pick<Range, 'startMs' | 'endMs'>): number {
  const span = (endMs - startMs) / 1000;
  return STEPS.find((step) => span / step <= MOST_BUCKETS) ?? Math.ceil(span / MOST_BUCKETS / 604_800) * 604_800;
}

/** Counts by bucket number, with the empty buckets between them. */
export function fillBuckets(rows: readonly (readonly [number | string, number | string])[], range: Pick<Range, 'startMs' | 'endMs'>, step: number): Bucket[] {
  const counts = new Map(rows.map(([bucket, count]) => [Number(bucket), Number(count)]));
  const first = Math.floor(range.startMs / 1000 / step);
  const last = Math.floor((range.endMs - 1) / 1000 / step);
  return Array.from({ length: last - first + 1 }, (_, index) => ({
    startMs: (first + index) * step * 1000,
    rows: counts.get(first + index) ?? 0,
  }));
}

/** The range of the buckets between two, both included, as the URL holds it; null where it would not be narrower. */
export function chosenRange(buckets: readonly Bucket[], one: number, other: number): string | null {
  const [first, last] = [buckets[Math.min(one, other)], buckets[Math.max(one, other)]];
  const [zero, next] = [buckets[0], buckets[1]];
  if (!first || !last || !zero || !next) return null;
  const endMs = last.startMs + next.startMs - zero.startMs;
  return `${new Date(first.startMs).toISOString()}~${new Date(endMs).toISOString()}`;
}
