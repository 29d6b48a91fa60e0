import { useSyncExternalStore } from 'react';

/** What a reader chose for this browser; every value has a working default. */
/** Set once somebody has signed in with a password in this browser. */
export const KNOWN_HERE = 'known-here';

const listeners = new Set<() => void>();

function read(key: string): string | null {
  try {
    return localStorage.getItem(`madang.${key}`);
  } catch {
    return null;
  }
}

export function setPreference(key: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(`madang.${key}`);
    else localStorage.setItem(`madang.${key}`, value);
  } catch {
    // Storage can be forbidden or full: the choice then lasts as long as the page.
  }
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  window.addEventListener('storage', listener);
  return () => {
    listeners.delete(listener);
    window.removeEventListener('storage', listener);
  };
}

export function preference(key: string): string | null {
  return read(key);
}

export function usePreference(key: string): string | null {
  return useSyncExternalStore(subscribe, () => read(key));
}
