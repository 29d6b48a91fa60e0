import { Button, TextInput } from '@mantine/core';
import { IconPlus, IconSearch, IconWaveSine } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { lazy, Suspense, useState } from 'react';
import { useTranslation } from 'react-i18next';

import { streamsQuery, useIsAdmin } from '@/api/queries';
import type { StreamSummary } from '@/api/types';
import { type Col, DataTable } from '@/components/DataTable';
import { Tag } from '@/components/Mark';
import { Page } from '@/components/Page';
import { Panel } from '@/components/Panel';
import { Sparkline } from '@/components/Sparkline';
import { EmptyState, SkeletonRows, WhenLoaded } from '@/components/states';
import { Ago, Bytes, Count, Duration, Rate } from '@/components/Values';
import { aboutWords } from '@/i18n/aboutWords';

import classes from './Streams.module.css';

const CreateStream = lazy(() => import('./CreateStream'));

function useColumns(): Col<StreamSummary>[] {
  const { t } = useTranslation();
  return [
    {
      key: 'name',
      head: t('streams.name'),
      cell: ({ name, description }) => (
        <div className={classes.nameCell}>
          <Link to="/streams/$name" params={{ name }} className={classes.name}>
            {name}
          </Link>
          {description !== '' && <span className={`${classes.about ?? ''} cut`}>{aboutWords(t, description)}</span>}
        </div>
      ),
      sort: (stream) => stream.name,
    },
    { key: 'format', head: t('streams.format'), cell: (stream) => <Tag>{stream.format}</Tag>, sort: (stream) => stream.format, wide: true },
    {
      key: 'rate',
      head: t('streams.rate'),
      cell: (stream) => (
        <div className={classes.rateCell}>
          <span className={classes.wide}>
            <Sparkline values={stream.history} width={80} height={22} label={t('home.rateOf', { name: stream.name })} />
          </span>
          <span className={classes.rate}>
            <Rate value={stream.records_per_s} />
          </span>
        </div>
      ),
      sort: (stream) => stream.records_per_s,
      end: true,
    },
    { key: 'lag', head: t('streams.lag'), cell: (stream) => <Count value={stream.lag_records} />, sort: (stream) => stream.lag_records, end: true, wide: true },
    { key: 'fresh', head: t('streams.freshness'), cell: (stream) => (stream.lag_records === 0 && stream.last_append_at !== null ? <span className="dim">{t('home.upToDate')}</span> : <Duration value={stream.freshness_s} />), sort: (stream) => stream.freshness_s, end: true, wide: true },
    {
      key: 'dead',
      head: t('streams.dead'),
      cell: ({ name, dead_letters: dead }) =>
        dead === 0 ? (
          <span className="dim">{'0'}</span>
        ) : (
          <Link to="/streams/$name" params={{ name }} search={{ tab: 'dead' }} className={classes.dead}>
            <Count value={dead} />
          </Link>
        ),
      sort: (stream) => stream.dead_letters,
      end: true,
    },
    { key: 'records', head: t('streams.records'), cell: (stream) => <Count value={stream.records_total} />, sort: (stream) => stream.records_total, end: true, wide: true },
    { key: 'size', head: t('streams.size'), cell: (stream) => <Bytes value={stream.size_bytes} />, sort: (stream) => stream.size_bytes, end: true, wide: true },
    { key: 'last', head: t('streams.lastRecord'), cell: (stream) => <Ago at={stream.last_append_at} />, sort: (stream) => stream.last_append_at, end: true, wide: true },
  ];
}

export default function StreamsPage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const isAdmin = useIsAdmin();
  const { create } = useSearch({ from: '/frame/streams' });
  const [filter, setFilter] = useState('');
  const streams = useQuery({ ...streamsQuery, refetchInterval: 3000 });
  const cols = useColumns();
  const wanted = filter.trim().toLowerCase();
  const setCreate = (open: boolean) => void navigate({ to: '/streams', search: (old) => ({ ...old, create: open ? true : undefined }) });
  const newButton = isAdmin && (
    <Button leftSection={<IconPlus size={14} />} onClick={() => setCreate(true)}>
      {t('streams.create')}
    </Button>
  );
  return (
    <Page
      title={t('page.streams')}
      note={t('streams.note')}
      actions={
        <>
          <TextInput size="xs" w={180} aria-label={t('part.search')} placeholder={t('part.search')} leftSection={<IconSearch size={13} />} value={filter} onChange={(event) => setFilter(event.currentTarget.value)} />
          {newButton}
        </>
      }
    >
      <WhenLoaded query={streams} skeleton={<Panel flush><SkeletonRows rows={8} height={44} /></Panel>}>
        {(data) => {
          const shown = data.filter(({ name, description, owner }) => `${name} ${aboutWords(t, description)} ${owner}`.toLowerCase().includes(wanted));
          return (
            <Panel flush>
              {data.length === 0 ? (
                <EmptyState icon={<IconWaveSine size={28} stroke={1.4} />} title={t('streams.empty')} hint={t('streams.emptyHint')}>
                  {newButton}
                </EmptyState>
              ) : (
                <DataTable
                  rows={shown}
                  cols={cols}
                  rowKey={(stream) => stream.name}
                  label={t('page.streams')}
                  initial={{ key: 'name', descending: false }}
                  onRow={({ name }) => void navigate({ to: '/streams/$name', params: { name } })}
                  empty={<EmptyState title={t('part.noMatch')} />}
                />
              )}
            </Panel>
          );
        }}
      </WhenLoaded>
      {create === true && isAdmin && (
        <Suspense fallback={null}>
          <CreateStream onClose={() => setCreate(false)} />
        </Suspense>
      )}
    </Page>
  );
}
