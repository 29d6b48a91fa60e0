import { Button, Tooltip } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconLayoutSidebar, IconLink, IconPlayerPlayFilled, IconPlayerStopFilled } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';

import { toErrorBody } from '@/api/client';
import { catalogQuery } from '@/api/queries';
import { fittingChart, type ChartChoice } from '@/charts/autoChart';
import { copyText } from '@/components/CopyButton';
import { preference, setPreference } from '@/i18n/preferences';
import { DEFAULT_RANGE, parseRange } from '@/i18n/range';
import { useAskForRange } from '@/i18n/rangeAsked';
import { Editor, type EditorHandle } from '@/sql/Editor';
import { bindParams, findParams } from '@/sql/params';
import { encodeShared } from '@/sql/shareLink';
import { useRun } from '@/sql/useRun';

import { DraftTabs } from './DraftTabs';
import { ParamsForm } from './ParamsForm';
import { ResultPane, type View } from './ResultPane';
import { SchemaTree } from './SchemaTree';
import classes from './Sql.module.css';
import { Splitter } from './Splitter';
import { useDrafts } from './useDrafts';

export default function SqlPage() {
  const { t } = useTranslation();
  const search = useSearch({ from: '/frame/sql' });
  const navigate = useNavigate();
  const catalog = useQuery(catalogQuery);
  const editor = useRef<EditorHandle>(null);
  const { drafts, draft, linked, edit, setParam, pick, close, open } = useDrafts(search.q);
  const { state, run, cancel } = useRun();
  const [wantedChart, setWantedChart] = useState<Partial<ChartChoice> | undefined>(linked?.chart);
  const [sidebar, setSidebar] = useState(() => (preference('sql.sidebar') ?? (window.innerWidth < 800 ? 'closed' : 'open')) === 'open');
  const [missing, setMissing] = useState<string[]>([]);
  useAskForRange(useMemo(() => findParams(draft.sql).some((name) => name === 'from' || name === 'to'), [draft.sql]));
  const view: View = search.view === 'chart' || search.view === 'history' ? search.view : 'table';

  useEffect(() => {
    document.title = `${t('page.sql')} · Madang`;
  }, [t]);

  const start = useCallback(
    (sql: string, from: number, params: Record<string, string>) => {
      if (sql.trim() === '') return;
      const range = parseRange(search.t ?? DEFAULT_RANGE, Date.now()) ?? parseRange(DEFAULT_RANGE, Date.now());
      if (!range) return;
      const bound = bindParams(sql, params, range);
      setMissing(bound.missing);
      if (bound.missing.length > 0) return;
      void run(sql.replace(/;\s*$/, ''), bound.bound, from);
    },
    [run, search.t],
  );

  const link = (sql: string, params: Record<string, string>, chart?: Partial<ChartChoice>) =>
    encodeShared({ sql, ...(Object.keys(params).length > 0 ? { params } : {}), ...(chart ? { chart } : {}) });

  const runNow = () => {
    const { sql, from } = editor.current?.runnable() ?? { sql: draft.sql, from: 0 };
    start(sql, from, draft.params);
    void navigate({ to: '/sql', replace: true, search: (old) => ({ ...old, q: link(draft.sql, draft.params, wantedChart) ?? undefined, view: view === 'history' ? undefined : old.view }) });
  };

  // A link runs its query once: whoever opens it sees what was shared.
  const linkedRan = useRef(false);
  useEffect(() => {
    if (linkedRan.current || !linked) return;
    linkedRan.current = true;
    start(linked.sql, 0, linked.params ?? {});
  }, [linked, start]);

  // A broken link still leads to a page; it says what happened.
  const brokenLink = search.q !== undefined && linked === null;
  useEffect(() => {
    if (brokenLink) notifications.show({ id: 'broken-link', message: t('sql.brokenLink'), color: 'yellow' });
  }, [brokenLink, t]);

  const share = async () => {
    const q = link(draft.sql, draft.params, wantedChart);
    if (q === null) {
      notifications.show({ message: t('sql.tooLong'), color: 'yellow' });
      return;
    }
    const url = new URL('/sql', window.location.origin);
    url.searchParams.set('q', q);
    if (view === 'chart') url.searchParams.set('view', view);
    if (search.t !== undefined) url.searchParams.set('t', search.t);
    await copyText(url.href);
    notifications.show({ message: t('sql.linkCopied') });
  };

  const fault = useMemo(() => {
    if (state.phase !== 'failed') return null;
    const { message, where } = toErrorBody(state.error);
    return where?.name === 'sql' ? { line: where.line, column: where.column, message, from: state.from } : null;
  }, [state]);

  const columns = state.result?.columns;
  const chart = useMemo(() => (columns ? fittingChart(wantedChart, columns) : null), [columns, wantedChart]);
  const running = state.phase === 'running';
  const toggleSidebar = () => {
    setPreference('sql.sidebar', sidebar ? 'closed' : 'open');
    setSidebar(!sidebar);
  };

  return (
    <div className={classes.page} data-sidebar={sidebar}>
      <h1 className="visually-hidden">{t('page.sql')}</h1>
      {sidebar && <SchemaTree query={catalog} onInsert={(text) => editor.current?.insert(text)} />}
      <div className={classes.main}>
        <div className={classes.bar}>
          <Tooltip label={t('sql.schema')}>
            <button type="button" className={classes.tool} aria-pressed={sidebar} aria-label={t('sql.schema')} onClick={toggleSidebar}>
              <IconLayoutSidebar size={16} />
            </button>
          </Tooltip>
          <DraftTabs drafts={drafts} onPick={pick} onClose={close} onNew={() => open('')} />
          <div className={classes.actions}>
            <Tooltip label={t('sql.share')}>
              <button type="button" className={classes.tool} aria-label={t('sql.share')} onClick={() => void share()}>
                <IconLink size={16} />
              </button>
            </Tooltip>
            {running ? (
              <Button color="red" variant="light" leftSection={<IconPlayerStopFilled size={13} />} onClick={cancel}>
                {t('sql.cancel')}
              </Button>
            ) : (
              <Button leftSection={<IconPlayerPlayFilled size={13} />} onClick={runNow} title={t('sql.runKeys')}>
                {t('sql.run')}
              </Button>
            )}
          </div>
        </div>
        <Splitter storageKey="sql.editor" label={t('sql.editorHeight')}>
          <div className={classes.editor}>
            <Editor
              ref={editor}
              id={draft.id}
              value={draft.sql}
              catalog={catalog.data}
              fault={fault}
              label={t('sql.editor')}
              placeholder={t('sql.placeholder')}
              onChange={edit}
              onRun={runNow}
              onCancel={cancel}
            />
          </div>
          <div className={classes.below}>
            <ParamsForm sql={draft.sql} values={draft.params} missing={missing} onChange={setParam} onRun={runNow} />
            <ResultPane
              view={view}
              onView={(next) => void navigate({ to: '/sql', replace: true, search: (old) => ({ ...old, view: next === 'table' ? undefined : next }) })}
              state={state}
              chart={chart}
              onChart={setWantedChart}
              onOpen={open}
            />
          </div>
        </Splitter>
      </div>
    </div>
  );
}
