import type { StreamSummary } from '@/api/types';

/** Has a stream records for its table? What could not be read waits elsewhere and does not come. */
export function isOnTheWay(stream: Pick<StreamSummary, 'last_append_at' | 'records_total' | 'dead_letters'>): boolean {
  return stream.last_append_at !== null && stream.records_total > stream.dead_letters;
}
