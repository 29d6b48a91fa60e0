import { Checkbox } from '@mantine/core';
import { IconHistory } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { historyQuery } from '@/api/queries';
import type { QueryInfo } from '@/api/types';
import { type Col, DataTable } from '@/components/DataTable';
import { Mark, type Tone } from '@/components/Mark';
import { EmptyState, SkeletonRows, WhenLoaded } from '@/components/states';
import { Ago, Bytes, Count, Duration } from '@/components/Values';
import { typedParams } from '@/sql/params';

import classes from './Sql.module.css';

const TONES: Record<QueryInfo['state'], Tone> = {
  queued: 'busy', running: 'busy', done: 'good', failed: 'bad', cancelled: 'none',
};

/** What was asked before; a click opens it again. */
export function HistoryPane({ onOpen }: { onOpen: (sql: string, params: Record<string, string>) => void }) {
  const { t } = useTranslation();
  const [mine, setMine] = useState(true);
  const history = useQuery({ ...historyQuery(mine), refetchInterval: 5000 });
  const cols: Col<QueryInfo>[] = [
    {
      key: 'sql',
      head: t('sql.query'),
      cell: (query) => (
        <button type="button" className={classes.historySql} title={[query.error?.message, query.sql, ...Object.entries(typedParams(query.params)).map(([name, value]) => `$${name} = ${value}`)].filter(Boolean).join('\n')} onClick={() => onOpen(query.sql, typedParams(query.params))}>
          {query.sql.replace(/\s+/g, ' ').slice(0, 240)}
        </button>
      ),
    },
    { key: 'state', head: t('sql.state'), cell: (query) => <Mark tone={TONES[query.state]}>{t(`queryState.${query.state}`)}</Mark> },
    ...(mine ? [] : [{ key: 'user', head: t('sql.user'), cell: (query: QueryInfo) => (query.token_name ? `${query.user} · ${query.token_name}` : query.user), wide: true }]),
    { key: 'at', head: t('sql.when'), cell: (query) => <Ago at={query.started_at} />, sort: (query) => query.started_at },
    { key: 'took', head: t('sql.took'), cell: (query) => <Duration value={query.duration_s} />, end: true, wide: true, sort: (query) => query.duration_s },
    { key: 'rows', head: t('unit.Rows'), cell: (query) => <Count value={query.rows} />, end: true, wide: true, sort: (query) => query.rows },
    { key: 'bytes', head: t('sql.read'), cell: (query) => <Bytes value={query.bytes_read} />, end: true, wide: true, sort: (query) => query.bytes_read },
  ];
  return (
    <div className={classes.history}>
      <div className={classes.historyBar}>
        <Checkbox size="xs" label={t('sql.onlyMine')} checked={mine} onChange={(event) => setMine(event.currentTarget.checked)} />
      </div>
      <WhenLoaded query={history} skeleton={<SkeletonRows rows={6} />}>
        {(queries) => (
          <DataTable
            rows={queries.filter(({ sql }) => !sql.startsWith('/* ui */'))}
            cols={cols}
            rowKey={(query) => query.query_id}
            label={t('sql.history')}
            onRow={(query) => onOpen(query.sql, typedParams(query.params))}
            empty={<EmptyState icon={<IconHistory size={26} stroke={1.4} />} title={t('sql.noHistory')} />}
          />
        )}
      </WhenLoaded>
    </div>
  );
}
