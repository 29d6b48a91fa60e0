import { Button } from '@mantine/core';
import { IconRefresh, IconTableOff } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';

import { Panel } from '@/components/Panel';
import { EmptyState, SkeletonRows, WhenLoaded } from '@/components/states';
import { parseRange } from '@/i18n/range';
import type { Bound } from '@/sql/params';
import { newQueryId, runQuery } from '@/sql/run';
import { ResultGrid } from '@/sql/ResultGrid';

import classes from './Tables.module.css';

const MOST = 100;

type Props = {
  table: string;
  /** Whether it has an event time to go by. */
  timed: boolean;
  /** Whether it has its stream's places, which few people read: they come last. */
  placed: boolean;
  /** The page's time range, where one was chosen. */
  range: string | undefined;
};

function rowsQuery({ table, timed, placed, range }: Props): { sql: string; params: Bound } {
  const span = timed && range !== undefined ? parseRange(range, Date.now()) : null;
  const where = span ? 'WHERE _time >= $start::TIMESTAMPTZ AND _time < $stop::TIMESTAMPTZ ' : '';
  return {
    // Marked, so that the history of queries can leave the page's own out.
    sql: `/* ui */ SELECT ${placed ? '* EXCLUDE (_partition, _offset), _partition, _offset' : '*'} FROM ${table} ${where}${timed ? `ORDER BY _time DESC${placed ? ', _offset DESC' : ''} ` : ''}LIMIT ${String(MOST)}`,
    params: span ? { start: new Date(span.startMs).toISOString(), stop: new Date(span.endMs).toISOString() } : {},
  };
}

/** The newest rows, as they are: what a table holds is seen sooner than it is described. */
export default function Rows(props: Props) {
  const { table, timed, range } = props;
  const { t } = useTranslation();
  const rows = useQuery({
    queryKey: ['tables', table, 'rows', timed, range],
    queryFn: ({ signal }) => runQuery({ queryId: newQueryId(), ...rowsQuery(props), signal }, () => undefined),
    staleTime: 30_000,
    refetchOnWindowFocus: false,
    // Arrow's vectors are no plain data to compare.
    structuralSharing: false,
    retry: false,
  });
  return (
    <Panel
      title={t('tables.rows')}
      note={!timed ? t('tables.someRows', { n: MOST }) : range === undefined ? t('tables.rowsNote', { n: MOST }) : t('tables.rowsInRange', { n: MOST })}
      actions={
        <Button variant="subtle" leftSection={<IconRefresh size={14} />} loading={rows.isFetching} onClick={() => void rows.refetch()}>
          {t('tables.again')}
        </Button>
      }
      flush
    >
      <WhenLoaded query={rows} skeleton={<SkeletonRows rows={10} height={26} />}>
        {(result) =>
          result.rowCount === 0 ? (
            <EmptyState icon={<IconTableOff size={28} stroke={1.4} />} title={t('tables.noRows')} />
          ) : (
            <div className={classes.grid}>
              <ResultGrid key={rows.dataUpdatedAt} result={result} />
            </div>
          )
        }
      </WhenLoaded>
    </Panel>
  );
}
