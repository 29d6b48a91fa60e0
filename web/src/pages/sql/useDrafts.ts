import { useCallback, useEffect, useState } from 'react';

import { closeDraft, type Draft, type Drafts, emptyDraft, loadDrafts, openDraft, saveDrafts } from '@/sql/drafts';
import { decodeShared } from '@/sql/shareLink';

/** The drafts of this browser, with the one of the link in front. */
export function useDrafts(q: string | undefined) {
  // A link is taken up once, when the page opens; running writes the same place of the URL.
  const [linked] = useState(() => (q === undefined ? undefined : decodeShared(q)));
  const [drafts, setDrafts] = useState<Drafts>(() => {
    const kept = loadDrafts();
    return linked ? openDraft(kept, { ...emptyDraft(linked.sql), params: linked.params ?? {} }) : kept;
  });
  useEffect(() => {
    const timer = setTimeout(() => saveDrafts(drafts), 250);
    return () => {
      clearTimeout(timer);
      saveDrafts(drafts);
    };
  }, [drafts]);

  const change = useCallback((edit: (draft: Draft) => Draft) => {
    setDrafts((old) => ({ ...old, tabs: old.tabs.map((tab) => (tab.id === old.active ? edit(tab) : tab)) }));
  }, []);
  const edit = useCallback((sql: string) => change((tab) => ({ ...tab, sql })), [change]);
  const setParam = useCallback(
    (name: string, value: string) => change((tab) => ({ ...tab, params: { ...tab.params, [name]: value } })),
    [change],
  );
  const pick = useCallback((id: string) => setDrafts((old) => ({ ...old, active: id })), []);
  const close = useCallback((id: string) => setDrafts((old) => closeDraft(old, id)), []);
  const open = useCallback((sql: string, params: Record<string, string> = {}) => {
    setDrafts((old) => openDraft(old, { ...emptyDraft(sql), params }));
  }, []);
  const [fallback] = useState(emptyDraft);
  const draft = drafts.tabs.find((tab) => tab.id === drafts.active) ?? drafts.tabs[0] ?? fallback;
  return { drafts, draft, linked, edit, setParam, pick, close, open };
}
