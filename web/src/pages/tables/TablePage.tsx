import { Button, Skeleton, Tabs } from '@mantine/core';
import { IconDatabase, IconTerminal2 } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { lazy, Suspense } from 'react';
import { useTranslation } from 'react-i18next';

import { ApiError } from '@/api/client';
import { streamsQuery, tableQuery } from '@/api/queries';
import type { TableDetail } from '@/api/types';
import { Fact, Facts } from '@/components/Facts';
import { Page } from '@/components/Page';
import { isOnTheWay } from '@/components/onTheWay';
import { Panel } from '@/components/Panel';
import { EmptyState, ErrorState, SkeletonRows, WhenLoaded } from '@/components/states';
import { Ago, Bytes, Count } from '@/components/Values';
import { aboutWords } from '@/i18n/aboutWords';
import { encodeShared } from '@/sql/shareLink';

import { Columns } from './Columns';
import { Files } from './Files';
import { Misfits } from './Misfits';
import { RowsOverTime } from './RowsOverTime';
import { Snapshots } from './Snapshots';

function TableFacts({ table }: { table: TableDetail }) {
  const { t } = useTranslation();
  return (
    <Facts>
      <Fact name={t('unit.Rows')}><Count value={table.rows} /></Fact>
      <Fact name={t('tables.size')}><Bytes value={table.size_bytes} /></Fact>
      <Fact name={t('tables.files')}><Count value={table.files} /></Fact>
      <Fact name={t('tables.columns')}><Count value={table.columns.length} /></Fact>
      <Fact name={t('tables.lastCommit')}><Ago at={table.last_commit_at} /></Fact>
    </Facts>
  );
}

/** With the reader of Arrow, which the other tabs do without. */
const Rows = lazy(() => import('./Rows'));

const newest = (table: string, hasTime: boolean) => `SELECT *\nFROM ${table}\n${hasTime ? 'ORDER BY _time DESC\n' : ''}LIMIT 100`;

function QueryButton({ sql }: { sql: string }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  return (
    <Button leftSection={<IconTerminal2 size={14} />} onClick={() => void navigate({ to: '/sql', search: { q: encodeShared({ sql }) ?? undefined } })}>
      {t('tables.query')}
    </Button>
  );
}

/** No such table; or one that its stream has not filled yet. */
function NotThere({ name, error }: { name: string; error: unknown }) {
  const { t } = useTranslation();
  const stream = useQuery({ ...streamsQuery, refetchInterval: 5000 }).data?.find(({ table }) => table === name);
  if (!stream) {
    return (
      <ErrorState
        error={error}
        near={(match) => <Link to="/tables/$name" params={{ name: match }} className="link">{match}</Link>}
      />
    );
  }
  return (
    <Panel>
      {!isOnTheWay(stream) ? (
        <EmptyState icon={<IconDatabase size={28} stroke={1.4} />} title={t('tables.toCome')} hint={t('tables.toComeHint')}>
          <Link to="/streams/$name" params={{ name: stream.name }} className="link">{stream.name}</Link>
        </EmptyState>
      ) : (
        <EmptyState icon={<IconDatabase size={28} stroke={1.4} />} title={t('tables.onTheWay')} hint={t('tables.onTheWayHint')}>
          <QueryButton sql={newest(name, true)} />
        </EmptyState>
      )}
    </Panel>
  );
}

const TABS = ['rows', 'columns', 'snapshots', 'files'] as const;

export default function TablePage() {
  const { t } = useTranslation();
  const { name } = useParams({ from: '/frame/tables/$name' });
  const search = useSearch({ from: '/frame/tables/$name' });
  const navigate = useNavigate();
  const table = useQuery({ ...tableQuery(name), refetchInterval: 5000 });
  const tab = TABS.find((known) => known === search.tab) ?? 'rows';
  const { data } = table;
  if (table.error !== null && !data) {
    const missing = table.error instanceof ApiError && table.error.status === 404;
    return (
      <Page title={name}>
        {missing ? <NotThere name={name} error={table.error} /> : <ErrorState error={table.error} onRetry={() => void table.refetch()} />}
      </Page>
    );
  }
  const hasTime = data?.columns.some((column) => column.name === '_time') ?? false;
  const hasPlace = ['_partition', '_offset'].every((own) => data?.columns.some((column) => column.name === own));
  return (
    <Page
      title={name}
      note={
        data && (
          <>
            {aboutWords(t, data.description)}
            {data.stream !== null && (
              <>
                {data.description !== '' && ' · '}
                {t('tables.filledBy')}{' '}
                <Link to="/streams/$name" params={{ name: data.stream }} className="link">
                  {data.stream}
                </Link>
              </>
            )}
          </>
        )
      }
      actions={<QueryButton sql={newest(name, hasTime)} />}
    >
      <WhenLoaded query={table} skeleton={<Panel flush><SkeletonRows rows={1} height={58} /></Panel>}>
        {(loaded) => (
          <>
            <TableFacts table={loaded} />
            <Misfits table={loaded} />
          </>
        )}
      </WhenLoaded>
      {!data && (
        <Panel title={t('tables.overTime')}>
          <Skeleton height={98} />
        </Panel>
      )}
      {hasTime && <RowsOverTime table={name} range={search.t} />}
      <Tabs value={tab} keepMounted={false} onChange={(next) => void navigate({ to: '.', replace: true, search: (old) => ({ ...old, tab: next === 'rows' ? undefined : (next ?? undefined) }) })}>
        <Tabs.List mb={16}>
          <Tabs.Tab value="rows">{t('tables.rows')}</Tabs.Tab>
          <Tabs.Tab value="columns">{t('tables.columns')}</Tabs.Tab>
          <Tabs.Tab value="snapshots">{t('tables.snapshots')}</Tabs.Tab>
          <Tabs.Tab value="files">{t('tables.filesTab')}</Tabs.Tab>
        </Tabs.List>
        <WhenLoaded query={table} skeleton={<Panel flush><SkeletonRows /></Panel>}>
          {(loaded) => (
            <>
              <Tabs.Panel value="rows">
                <Suspense fallback={<Panel flush><SkeletonRows rows={10} height={26} /></Panel>}><Rows table={name} timed={hasTime} placed={hasPlace} range={search.t} /></Suspense>
              </Tabs.Panel>
              <Tabs.Panel value="columns"><Columns table={loaded} /></Tabs.Panel>
              <Tabs.Panel value="snapshots"><Snapshots table={loaded} /></Tabs.Panel>
              <Tabs.Panel value="files"><Files table={loaded} /></Tabs.Panel>
            </>
          )}
        </WhenLoaded>
      </Tabs>
    </Page>
  );
}
