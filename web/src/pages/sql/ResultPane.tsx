import { SegmentedControl } from '@mantine/core';
import { IconPlayerStop, IconTableOff } from '@tabler/icons-react';
import { lazy, Suspense } from 'react';
import { useTranslation } from 'react-i18next';

import type { ChartChoice } from '@/charts/autoChart';
import { EmptyState, ErrorState, SkeletonRows } from '@/components/states';
import { ResultGrid } from '@/sql/ResultGrid';
import type { RunState } from '@/sql/useRun';

import { DownloadMenu } from './DownloadMenu';
import { Examples } from './Examples';
import { HistoryPane } from './HistoryPane';
import classes from './Sql.module.css';
import { StatsLine } from './StatsLine';

const ChartPane = lazy(() => import('./ChartPane'));

export type View = 'table' | 'chart' | 'history';
type Props = {
  view: View;
  onView: (view: View) => void;
  state: RunState;
  chart: ChartChoice | null;
  onChart: (chart: ChartChoice) => void;
  onOpen: (sql: string, params?: Record<string, string>) => void;
};

function Answer({ view, state, chart, onChart, onOpen }: Omit<Props, 'onView'>) {
  const { t } = useTranslation();
  const { phase, result, error } = state;
  if (phase === 'failed') return <div className={classes.pad}><ErrorState error={error} /></div>;
  if (phase === 'idle') return <Examples onOpen={onOpen} />;
  if (!result) {
    if (phase === 'running') return <SkeletonRows rows={8} height={26} />;
    return <EmptyState icon={<IconPlayerStop size={28} stroke={1.4} />} title={t('sql.cancelled')} />;
  }
  if (result.rowCount === 0 && phase === 'done') {
    return <EmptyState icon={<IconTableOff size={28} stroke={1.4} />} title={t('sql.noRows')} hint={t('sql.noRowsHint')} />;
  }
  if (view === 'chart') {
    return (
      <Suspense fallback={<SkeletonRows rows={6} />}>
        <ChartPane result={result} choice={chart} onChoice={onChart} />
      </Suspense>
    );
  }
  return (
    <div className={classes.gridBox}>
      <ResultGrid key={state.startedMs} result={result} />
    </div>
  );
}

/** What came back: as a table, as a chart; and what was asked before. */
export function ResultPane(props: Props) {
  const { view, onView, state, onOpen } = props;
  const { t } = useTranslation();
  return (
    <section className={classes.result} aria-label={t('sql.result')}>
      <div className={classes.resultBar}>
        <SegmentedControl
          value={view}
          onChange={(value) => onView(value as View)}
          data={[
            { value: 'table', label: t('sql.table') },
            { value: 'chart', label: t('sql.chart') },
            { value: 'history', label: t('sql.history') },
          ]}
        />
        {view !== 'history' && <StatsLine state={state} />}
        {view !== 'history' && state.phase === 'done' && state.result && <DownloadMenu sql={state.sql} params={state.params} />}
      </div>
      <div className={classes.resultBody}>{view === 'history' ? <HistoryPane onOpen={onOpen} /> : <Answer {...props} />}</div>
    </section>
  );
}
