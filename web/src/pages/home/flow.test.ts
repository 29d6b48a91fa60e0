import { describe, expect, it } from 'vitest';

import type { Overview, StreamRow } from '@/api/types';

import { lanes, laneTone, laneWidth, logsQuery, looseTables, totals } from './flow';

const stream = (name: string, more: Partial<StreamRow> = {}): StreamRow => ({
  name, records_per_s: 10, bytes_per_s: 100, records_total: 5, lag_records: 2, freshness_s: 1, dead_letters: 0,
  size_bytes: 1, last_append_at: null, table: `lake.${name}`, history: [1, 2], ...more,
});
const table = (name: string) => ({ name, rows: 1, size_bytes: 1, files: 1, last_commit_at: null });
const overview = (streams: StreamRow[], tables: string[] = []): Overview => ({
  at: '', health: 'ok', problems: [], disk: { total_bytes: 1, free_bytes: 1, min_free_bytes: 0 }, streams,
  tables: tables.map(table), roles: [],
});

describe('flow', () => {
  it('adds histories that end now, whatever their length', () => {
    const sum = totals(overview([stream('a', { history: [1, 2, 3] }), stream('b', { history: [10] })]));
    expect(sum.history).toEqual([1, 2, 13]);
  });
  it('finds the slowest, and does not count the lag of streams without table', () => {
    const sum = totals(overview([stream('a', { freshness_s: 9 }), stream('b', { table: null, freshness_s: null })]));
    expect(sum.worst?.name).toBe('a');
    expect(sum.lag).toBe(2);
  });
  it('puts own streams last and finds tables nobody fills', () => {
    const view = overview([stream('system.logs', { table: 'system.logs' }), stream('b')], ['lake.b', 'lake.c']);
    expect(lanes(view).map((lane) => lane.stream.name)).toEqual(['b', 'system.logs']);
    expect(looseTables(view).map(({ name }) => name)).toEqual(['lake.c']);
  });
  it('leads from a process that went down to its log', () => {
    const sql = logsQuery({ code: 'role_restarts', message: 'the role query-0 was restarted 4 times; it last ended' });
    expect(sql).toContain(`role = 'query-0'`);
    expect(logsQuery({ code: 'disk_low', message: '' })).toBeNull();
  });
  it('draws more for more, within limits', () => {
    expect(laneWidth(0)).toBe(1);
    expect(laneWidth(1e9)).toBe(5);
    expect(laneTone(stream('a', { freshness_s: 120 }))).toBe('warn');
    expect(laneTone(stream('a', { records_per_s: 0, lag_records: 0 }))).toBe('idle');
  });
});
