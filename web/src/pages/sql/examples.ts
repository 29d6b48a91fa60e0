import type { TableSummary } from '@/api/types';

export type Example = { kind: 'newest' | 'overTime'; table: string; sql: string };

const MOST = 4;

/** First queries worth a click: of tables that have rows, one's own before Madang's, the freshest first. */
export function exampleQueries(tables: readonly TableSummary[]): Example[] {
  const own = ({ namespace }: TableSummary) => (namespace === 'system' ? 1 : 0);
  const worth = tables
    .filter(({ rows }) => rows > 0)
    .toSorted((a, b) => own(a) - own(b) || (b.last_commit_at ?? '').localeCompare(a.last_commit_at ?? '') || b.rows - a.rows);
  const newest = (table: string) => ({ kind: 'newest' as const, table, sql: `SELECT *\nFROM ${table}\nORDER BY _time DESC\nLIMIT 100` });
  const first = worth[0];
  if (!first) return [];
  const overTime = {
    kind: 'overTime' as const,
    table: first.name,
    sql: `SELECT time_bucket(INTERVAL 1 minute, _time) AS minute, count(*) AS rows\nFROM ${first.name}\nWHERE _time BETWEEN $from AND $to\nGROUP BY minute\nORDER BY minute`,
  };
  return [newest(first.name), overTime, ...worth.slice(1, MOST - 1).map(({ name }) => newest(name))];
}
