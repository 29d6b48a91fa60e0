import { useEffect, useMemo, useState } from 'react';

import { type Keys, orderOf } from './order';
import type { OrderRequest } from './order.worker';
import type { ResultSet } from './result';
import { sortKeys } from './sortKeys';

export type Sort = { column: number; descending: boolean };

/** As many rows are sorted at once, without anybody noticing. */
const FEW = 20_000;

export function orderNow(result: ResultSet, { column, descending }: Sort): Int32Array {
  const steps = sortKeys(result, column);
  let step = steps.next();
  while (!step.done) step = steps.next();
  return orderOf(step.value, descending);
}

async function keysMeanwhile(result: ResultSet, column: number, signal: AbortSignal): Promise<Keys | null> {
  const steps = sortKeys(result, column);
  let breathed = performance.now();
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done) return step.value;
    if (performance.now() - breathed < 8) continue;
    await new Promise((resolve) => setTimeout(resolve, 0));
    if (signal.aborted) return null;
    breathed = performance.now();
  }
}

function sortBeside(request: OrderRequest, signal: AbortSignal): Promise<Int32Array> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./order.worker.ts', import.meta.url), { type: 'module' });
    signal.addEventListener('abort', () => worker.terminate());
    worker.onmessage = ({ data }: MessageEvent<Int32Array>) => {
      worker.terminate();
      resolve(data);
    };
    worker.onerror = (event) => {
      worker.terminate();
      reject(new Error(event.message));
    };
    const { keys } = request;
    const moved = keys.kind === 'texts' ? [keys.bytes.buffer, keys.ends.buffer, keys.there.buffer] : [keys.values.buffer];
    worker.postMessage(request, moved);
  });
}

type Done = { result: ResultSet; sort: Sort; order: Int32Array };

/** The rows' order for a sort; of very many rows it comes later, and the order before stays meanwhile. */
export function useOrder(result: ResultSet, sort: Sort | null): { order: Int32Array | null; busy: boolean } {
  const few = result.rowCount <= FEW;
  const now = useMemo(() => (sort && few ? orderNow(result, sort) : null), [result, sort, few]);
  const [done, setDone] = useState<Done | null>(null);
  useEffect(() => {
    if (!sort || few) return;
    const abort = new AbortController();
    void (async () => {
      const keys = await keysMeanwhile(result, sort.column, abort.signal);
      if (!keys || abort.signal.aborted) return;
      const order = await sortBeside({ keys, descending: sort.descending }, abort.signal);
      if (!abort.signal.aborted) setDone({ result, sort, order });
    })();
    return () => abort.abort();
  }, [result, sort, few]);
  if (!sort || few) return { order: now, busy: false };
  const kept = done?.result === result ? done : null;
  return { order: kept?.order ?? null, busy: kept?.sort !== sort };
}
