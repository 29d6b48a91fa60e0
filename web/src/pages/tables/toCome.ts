import type { StreamSummary, TableSummary } from '@/api/types';

/** Tables that streams will fill with their first record: they are named everywhere, so here too. */
export function tablesToCome(streams: readonly StreamSummary[], tables: readonly TableSummary[]): TableSummary[] {
  const there = new Set(tables.map(({ name }) => name));
  return streams.flatMap(({ table, name, description }) =>
    table === null || there.has(table)
      ? []
      : [{ name: table, namespace: table.split('.')[0] ?? '', rows: 0, size_bytes: 0, files: 0, last_commit_at: null, description, stream: name }],
  );
}
