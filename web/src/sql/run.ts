import { RecordBatchReader, type RecordBatch } from 'apache-arrow';

import { ApiError, getJson, send } from '@/api/client';
import type { QueryInfo } from '@/api/types';

import type { Bound } from './params';
import { ResultSet } from './result';

export const MOST_ROWS = 1_000_000;

/** 128 random bits; `crypto.randomUUID` is missing on pages without TLS. */
export function newQueryId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

export type RunRequest = { queryId: string; sql: string; params: Bound; signal: AbortSignal };

/** Runs a query and hands on the answer as it grows, at most a few times a second. */
export async function runQuery(request: RunRequest, onRows: (result: ResultSet) => void): Promise<ResultSet> {
  const { queryId, sql, params, signal } = request;
  const response = await send('/api/sql?format=arrow', {
    method: 'POST',
    signal,
    accept: 'application/vnd.apache.arrow.stream',
    body: {
      sql,
      query_id: queryId,
      max_rows: MOST_ROWS,
      ...(Object.keys(params).length > 0 ? { params } : {}),
    },
  });
  const reader = await RecordBatchReader.from(response);
  await reader.open();
  // A reader forgets its schema when the stream ends.
  const { schema } = reader;
  const batches: RecordBatch[] = [];
  let shownAt = 0;
  for await (const batch of reader) {
    if (batch.numRows > 0) batches.push(batch);
    const now = performance.now();
    if (now - shownAt > 200) {
      shownAt = now;
      onRows(new ResultSet(schema, [...batches]));
    }
  }
  return new ResultSet(schema, batches);
}

export async function cancelQuery(queryId: string): Promise<void> {
  await send(`/api/queries/${queryId}`, { method: 'DELETE' }).catch(() => undefined);
}

/** What the server knows of a query once it is over; null if it forgot. */
export async function queryInfo(queryId: string): Promise<QueryInfo | null> {
  try {
    return await getJson<QueryInfo>(`/api/queries/${queryId}`);
  } catch (error) {
    if (error instanceof ApiError) return null;
    throw error;
  }
}
