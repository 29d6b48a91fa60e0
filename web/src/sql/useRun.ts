import { useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useRef, useState } from 'react';

import { ApiError } from '@/api/client';
import type { QueryInfo } from '@/api/types';

import type { Bound } from './params';
import type { ResultSet } from './result';
import { cancelQuery, newQueryId, queryInfo, runQuery } from './run';

export type RunState = {
  phase: 'idle' | 'running' | 'done' | 'failed' | 'cancelled';
  sql: string;
  params: Bound;
  /** Where in the document the text that ran begins. */
  from: number;
  startedMs: number;
  endedMs: number | null;
  result: ResultSet | null;
  info: QueryInfo | null;
  error: unknown;
};

const IDLE: RunState = {
  phase: 'idle', sql: '', params: {}, from: 0, startedMs: 0, endedMs: null, result: null, info: null, error: null,
};

/** One query at a time: the newest; an older one is cancelled on the server too. */
export function useRun() {
  const [state, setState] = useState<RunState>(IDLE);
  const current = useRef<{ id: string; abort: AbortController } | null>(null);
  const client = useQueryClient();

  const cancel = useCallback(() => {
    const running = current.current;
    if (!running) return;
    current.current = null;
    void cancelQuery(running.id);
    running.abort.abort();
    setState((old) => ({ ...old, phase: 'cancelled', endedMs: Date.now() }));
  }, []);

  const run = useCallback(
    async (sql: string, params: Bound, from: number) => {
      cancel();
      const mine = { id: newQueryId(), abort: new AbortController() };
      current.current = mine;
      const isMine = () => current.current === mine;
      setState((old) => ({ ...IDLE, result: old.result, phase: 'running', sql, params, from, startedMs: Date.now() }));
      try {
        const request = { queryId: mine.id, sql, params, signal: mine.abort.signal };
        const result = await runQuery(request, (growing) => {
          if (isMine()) setState((old) => ({ ...old, result: growing }));
        });
        if (!isMine()) return;
        setState((old) => ({ ...old, phase: 'done', result, endedMs: Date.now() }));
        const info = await queryInfo(mine.id);
        if (!isMine() || info === null) return;
        // A stream that broke off has told its reason to the server's memory only.
        const failed = info.state === 'failed' && info.error !== null;
        setState((old) => ({
          ...old, info, ...(failed ? { phase: 'failed', error: new ApiError(500, info.error ?? { code: 'sql', message: '', hint: null, where: null, retryable: false }) } : {}),
        }));
      } catch (error) {
        if (!isMine()) return;
        const known = error instanceof ApiError ? null : await queryInfo(mine.id).catch(() => null);
        const shown = known?.error ? new ApiError(500, known.error) : error;
        setState((old) => ({ ...old, phase: 'failed', result: null, error: shown, endedMs: Date.now() }));
      } finally {
        if (isMine()) current.current = null;
        void client.invalidateQueries({ queryKey: ['queries'] });
      }
    },
    [cancel, client],
  );

  // Leaving the page ends the query: nobody is left to read its answer.
  useEffect(() => () => {
    const running = current.current;
    current.current = null;
    if (running) {
      void cancelQuery(running.id);
      running.abort.abort();
    }
  }, []);

  return { state, run, cancel };
}
