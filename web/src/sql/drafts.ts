import { preference, setPreference } from '@/i18n/preferences';

/** Queries that somebody is writing, one a tab; they outlive the page. */
export type Draft = { id: string; sql: string; params: Record<string, string> };
export type Drafts = { tabs: Draft[]; active: string };

const KEY = 'sql.drafts';
export const MOST_TABS = 20;

let counter = 0;
export function newId(): string {
  counter += 1;
  return `${Date.now().toString(36)}-${String(counter)}`;
}

export function emptyDraft(sql = ''): Draft {
  return { id: newId(), sql, params: {} };
}

export function parseDrafts(text: string | null): Drafts {
  try {
    const value = JSON.parse(text ?? '') as Partial<Drafts>;
    const tabs = (value.tabs ?? []).filter(
      (tab) => typeof tab.id === 'string' && typeof tab.sql === 'string',
    );
    const first = tabs[0];
    if (first) {
      const active = tabs.some((tab) => tab.id === value.active) ? (value.active ?? first.id) : first.id;
      return { tabs: tabs.map((tab) => ({ ...tab, params: tab.params ?? {} })), active };
    }
  } catch {
    // A broken note is worth no more than none.
  }
  const tab = emptyDraft();
  return { tabs: [tab], active: tab.id };
}

export const loadDrafts = (): Drafts => parseDrafts(preference(KEY));
export const saveDrafts = (drafts: Drafts): void => setPreference(KEY, JSON.stringify(drafts));

export function openDraft(drafts: Drafts, draft: Draft): Drafts {
  const same = drafts.tabs.find((tab) => tab.sql.trim() === draft.sql.trim());
  if (same) {
    const tabs = drafts.tabs.map((tab) =>
      tab === same ? { ...tab, params: { ...tab.params, ...draft.params } } : tab,
    );
    return { tabs, active: same.id };
  }
  // An untouched tab is taken over instead of left behind.
  const kept = drafts.tabs.filter((tab) => tab.sql.trim() !== '').slice(-(MOST_TABS - 1));
  return { tabs: [...kept, draft], active: draft.id };
}

export function closeDraft(drafts: Drafts, id: string): Drafts {
  const at = drafts.tabs.findIndex((tab) => tab.id === id);
  const tabs = drafts.tabs.filter((tab) => tab.id !== id);
  const beside = tabs[Math.min(Math.max(at, 0), tabs.length - 1)];
  if (!beside) {
    const tab = emptyDraft();
    return { tabs: [tab], active: tab.id };
  }
  return { tabs, active: drafts.active === id ? beside.id : drafts.active };
}

/** A tab's name: the first table that its query reads, else its first words. */
export function draftTitle(sql: string): string {
  const table = /\bfrom\s+((?:"[^"]+"|\w+)(?:\.(?:"[^"]+"|\w+))*)/i.exec(sql)?.[1];
  if (table !== undefined) return table.replaceAll('"', '').split('.').at(-1) ?? table;
  return sql.trim().split(/\s+/).slice(0, 3).join(' ').slice(0, 24);
}
