import { useEffect, useSyncExternalStore } from 'react';

/** Whether what the page shows asks for the time range: a range that counts for nothing is not offered. */
let asked = false;
const listeners = new Set<() => void>();

function set(value: boolean): void {
  if (asked === value) return;
  asked = value;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useRangeAsked(): boolean {
  return useSyncExternalStore(subscribe, () => asked);
}

/** Tells the top bar, while the caller is shown. */
export function useAskForRange(value: boolean): void {
  useEffect(() => {
    set(value);
    return () => set(false);
  }, [value]);
}
