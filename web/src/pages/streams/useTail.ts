import { useEffect, useMemo, useRef, useState } from 'react';

import type { StreamRecord } from '@/api/types';

export const MOST_LINES = 2000;

export type TailState = 'connecting' | 'live' | 'lost';

/** Newest first, without the ones that are there already, at most `MOST_LINES`. */
export function addRecords(old: readonly StreamRecord[], fresh: readonly StreamRecord[]): StreamRecord[] {
  const known = new Set(old.slice(0, 400).map((record) => `${String(record.partition)}/${String(record.offset)}`));
  const added = fresh.filter((record) => !known.has(`${String(record.partition)}/${String(record.offset)}`)).toReversed();
  return [...added, ...old].slice(0, MOST_LINES);
}

/** The tail's records with those from before it was opened below them, newest first. */
export function withEarlier(live: readonly StreamRecord[], earlier: readonly StreamRecord[]): StreamRecord[] {
  const known = new Set(live.map((record) => `${String(record.partition)}/${String(record.offset)}`));
  const below = earlier
    .filter((record) => !known.has(`${String(record.partition)}/${String(record.offset)}`))
    .toSorted((a, b) => b.ts.localeCompare(a.ts) || b.offset - a.offset);
  return [...live, ...below].slice(0, MOST_LINES);
}

/**
 * Records as they arrive. While paused or hidden nothing is drawn; the newest wait. The browser connects
 * again by itself after a break.
 */
export function useTail(stream: string, first: readonly StreamRecord[] | undefined, paused: boolean) {
  const [records, setRecords] = useState<StreamRecord[]>([]);
  const [state, setState] = useState<TailState>('connecting');
  const [dropped, setDropped] = useState(0);
  const [waiting, setWaiting] = useState(0);
  const pending = useRef<StreamRecord[]>([]);
  const isPaused = useRef(paused);

  useEffect(() => {
    isPaused.current = paused;
  }, [paused]);

  useEffect(() => {
    const source = new EventSource(`/api/streams/${encodeURIComponent(stream)}/tail`);
    source.addEventListener('open', () => setState('live'));
    source.addEventListener('error', () => setState('lost'));
    source.addEventListener('records', (event: MessageEvent<string>) => {
      setState('live');
      pending.current = [...pending.current, ...(JSON.parse(event.data) as StreamRecord[])].slice(-MOST_LINES);
    });
    source.addEventListener('dropped', (event: MessageEvent<string>) => {
      setDropped((old) => old + (JSON.parse(event.data) as { count: number }).count);
    });
    // Drawn a few times a second, however fast they come.
    const timer = setInterval(() => {
      if (isPaused.current || document.hidden) {
        setWaiting(pending.current.length);
      } else if (pending.current.length > 0) {
        const fresh = pending.current;
        pending.current = [];
        setWaiting(0);
        setRecords((old) => addRecords(old, fresh));
      }
    }, 300);
    return () => {
      clearInterval(timer);
      source.close();
    };
  }, [stream]);

  const all = useMemo(() => withEarlier(records, first ?? []), [records, first]);
  return { records: all, state, dropped, waiting };
}
