import type { Overview, Problem, StreamRow, TableRow } from '@/api/types';

export type Totals = {
  recordsPerS: number;
  bytesPerS: number;
  lag: number;
  dead: number;
  deadStreams: number;
  worst: StreamRow | null;
  history: number[];
};

/** Sums over the streams; `worst` is the one whose table is furthest behind. */
export function totals({ streams }: Overview): Totals {
  const length = Math.max(0, ...streams.map((stream) => stream.history.length));
  const history = new Array<number>(length).fill(0);
  let worst: StreamRow | null = null;
  const sum = { recordsPerS: 0, bytesPerS: 0, lag: 0, dead: 0, deadStreams: 0 };
  for (const stream of streams) {
    sum.recordsPerS += stream.records_per_s;
    sum.bytesPerS += stream.bytes_per_s;
    sum.lag += stream.table === null ? 0 : stream.lag_records;
    sum.dead += stream.dead_letters;
    sum.deadStreams += stream.dead_letters > 0 ? 1 : 0;
    // Histories end now; a young stream's is shorter.
    const skip = length - stream.history.length;
    stream.history.forEach((value, index) => {
      history[skip + index] = (history[skip + index] ?? 0) + value;
    });
    const behind = stream.freshness_s;
    if (behind !== null && behind > (worst?.freshness_s ?? -1)) worst = stream;
  }
  return { ...sum, worst, history };
}

export type Lane = { stream: StreamRow; table: TableRow | null };

/** Streams beside their tables: the busiest first, Madang's own last. */
export function lanes({ streams, tables }: Overview): Lane[] {
  const byName = new Map(tables.map((table) => [table.name, table]));
  const own = (stream: StreamRow) => (stream.name.startsWith('system.') ? 1 : 0);
  // Sorted by name among equals and not by the live rate, so that rows do not jump about.
  return streams
    .toSorted((a, b) => own(a) - own(b) || a.name.localeCompare(b.name))
    .map((stream) => ({ stream, table: (stream.table && byName.get(stream.table)) || null }));
}

/** Tables that no stream fills. */
export function looseTables({ streams, tables }: Overview): TableRow[] {
  const filled = new Set(streams.map((stream) => stream.table));
  return tables.filter((table) => !filled.has(table.name));
}

/** Width of a lane's line in pixels: by order of magnitude, 1 at rest and 5 from a million a second. */
export function laneWidth(recordsPerS: number): number {
  return recordsPerS <= 0 ? 1 : 1.25 + Math.min(3.75, Math.max(0, Math.log10(1 + recordsPerS)) * 0.65);
}

/** How far a table is behind, in words. */
export function laneTone(stream: StreamRow): 'good' | 'warn' | 'idle' {
  if (stream.table === null) return 'idle';
  if ((stream.freshness_s ?? 0) > 60 && stream.lag_records > 0) return 'warn';
  return stream.records_per_s > 0 || stream.lag_records > 0 ? 'good' : 'idle';
}

/** The query that shows what a process wrote before it went down; null for problems that no log explains. */
export function logsQuery({ code, message }: Pick<Problem, 'code' | 'message'>): string | null {
  if (!code.startsWith('role_')) return null;
  const role = /the role ([a-z0-9-]+)/.exec(message)?.[1];
  const where = role === undefined ? '' : `WHERE role = '${role}' OR "of" = '${role}'\n`;
  return `SELECT _time, level, role, message\nFROM system.logs\n${where}ORDER BY _time DESC\nLIMIT 200`;
}
