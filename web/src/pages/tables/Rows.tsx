import { Button } from '@mantine/core';
import { IconRefresh, IconTableOff } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';

import { Panel } from '@/components/Panel';
import { EmptyState, SkeletonRows, WhenLoaded } from '@/components/states';
import { newQueryId, runQuery } from '@/sql/run';
import { ResultGrid } from '@/sql/ResultGrid';

import classes from './Tables.module.css';

const MOST = 100;

/** The newest rows, as they are: what a table holds is seen sooner than it is described. */
export default function Rows({ table, newestFirst }: { table: string; newestFirst: boolean }) {
  const { t } = useTranslation();
  const rows = useQuery({
    queryKey: ['tables', table, 'rows', newestFirst],
    // Marked, so that the history of queries can leave the page's own out.
    queryFn: ({ signal }) =>
      runQuery(
        { queryId: newQueryId(), sql: `/* ui */ SELECT * FROM ${table} ${newestFirst ? 'ORDER BY _time DESC ' : ''}LIMIT ${String(MOST)}`, params: {}, signal },
        () => undefined,
      ),
    staleTime: 30_000,
    refetchOnWindowFocus: false,
    // Arrow's vectors are no plain data to compare.
    structuralSharing: false,
    retry: false,
  });
  return (
    <Panel
      title={t('tables.rows')}
      note={newestFirst ? t('tables.rowsNote', { n: MOST }) : t('tables.someRows', { n: MOST })}
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
