import { TextInput } from '@mantine/core';
import { IconDatabase, IconSearch } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { streamsQuery, tablesQuery } from '@/api/queries';
import type { TableSummary } from '@/api/types';
import { type Col, DataTable } from '@/components/DataTable';
import { Page } from '@/components/Page';
import { Panel } from '@/components/Panel';
import { EmptyState, SkeletonRows, WhenLoaded } from '@/components/states';
import { Ago, Bytes, Count } from '@/components/Values';
import { aboutWords } from '@/i18n/aboutWords';

import classes from './Tables.module.css';
import { tablesToCome } from './toCome';

function useColumns(largest: number): Col<TableSummary>[] {
  const { t } = useTranslation();
  return [
    {
      key: 'name',
      head: t('tables.name'),
      cell: ({ name, description }) => (
        <div className={classes.nameCell}>
          <Link to="/tables/$name" params={{ name }} className={classes.name}>
            {name}
          </Link>
          {description !== '' && <span className={`${classes.about ?? ''} cut`}>{aboutWords(t, description)}</span>}
        </div>
      ),
      sort: (table) => table.name,
    },
    {
      key: 'stream',
      head: t('tables.stream'),
      cell: ({ stream }) =>
        stream === null ? (
          <span className="dim">{'–'}</span>
        ) : (
          <Link to="/streams/$name" params={{ name: stream }} className="link">
            {stream}
          </Link>
        ),
      sort: (table) => table.stream,
      wide: true,
    },
    { key: 'rows', head: t('unit.Rows'), cell: (table) => <Count value={table.rows} />, sort: (table) => table.rows, end: true },
    {
      key: 'size',
      head: t('tables.size'),
      cell: (table) => (
        <div className={classes.sizeCell}>
          <span className={classes.meter} aria-hidden>
            <span style={{ width: `${String((100 * table.size_bytes) / Math.max(1, largest))}%` }} />
          </span>
          <Bytes value={table.size_bytes} />
        </div>
      ),
      sort: (table) => table.size_bytes,
      end: true,
    },
    { key: 'files', head: t('tables.files'), cell: (table) => <Count value={table.files} />, sort: (table) => table.files, end: true, wide: true },
    { key: 'commit', head: t('tables.lastCommit'), cell: (table) => (table.files === 0 && table.last_commit_at === null ? <span className="dim">{t('home.notYet')}</span> : <Ago at={table.last_commit_at} />), sort: (table) => table.last_commit_at, end: true, wide: true },
  ];
}

export default function TablesPage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [filter, setFilter] = useState('');
  const tables = useQuery({ ...tablesQuery, refetchInterval: 5000 });
  const streams = useQuery(streamsQuery);
  const toCome = tablesToCome(streams.data ?? [], tables.data ?? []);
  const cols = useColumns(Math.max(0, ...(tables.data ?? []).map((table) => table.size_bytes)));
  const wanted = filter.trim().toLowerCase();
  return (
    <Page
      title={t('page.tables')}
      note={t('tables.note')}
      actions={<TextInput size="xs" w={180} aria-label={t('part.search')} placeholder={t('part.search')} leftSection={<IconSearch size={13} />} value={filter} onChange={(event) => setFilter(event.currentTarget.value)} />}
    >
      <WhenLoaded query={tables} skeleton={<Panel flush><SkeletonRows rows={8} height={44} /></Panel>}>
        {(data) => (
          <Panel flush>
            {data.length + toCome.length === 0 ? (
              <EmptyState icon={<IconDatabase size={28} stroke={1.4} />} title={t('tables.empty')} hint={t('tables.emptyHint')}>
                <Link to="/streams" className="link">{t('tables.toStreams')}</Link>
              </EmptyState>
            ) : (
              <DataTable
                rows={[...data, ...toCome].filter(({ name, description }) => `${name} ${aboutWords(t, description)}`.toLowerCase().includes(wanted))}
                cols={cols}
                rowKey={(table) => table.name}
                label={t('page.tables')}
                initial={{ key: 'name', descending: false }}
                onRow={({ name }) => void navigate({ to: '/tables/$name', params: { name } })}
                empty={<EmptyState title={t('part.noMatch')} />}
              />
            )}
          </Panel>
        )}
      </WhenLoaded>
    </Page>
  );
}
