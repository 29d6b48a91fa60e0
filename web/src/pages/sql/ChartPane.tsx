import { MultiSelect, SegmentedControl, Select, useComputedColorScheme } from '@mantine/core';
import { IconChartLine } from '@tabler/icons-react';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';

import { CHART_TYPES, type ChartChoice, type ChartType } from '@/charts/autoChart';
import { chartData } from '@/charts/chartData';
import { chartOption, currentLook } from '@/charts/chartOption';
import { EChart } from '@/charts/EChart';
import { EmptyState } from '@/components/states';
import { useFormat } from '@/i18n/useFormat';
import type { ResultSet } from '@/sql/result';

import classes from './Sql.module.css';

type Props = { result: ResultSet; choice: ChartChoice | null; onChoice: (choice: ChartChoice) => void };

export default function ChartPane({ result, choice, onChoice }: Props) {
  const { t } = useTranslation();
  const format = useFormat();
  const scheme = useComputedColorScheme('light');
  const data = useMemo(() => (choice ? chartData(result, choice, format.zone) : null), [result, choice, format.zone]);
  const option = useMemo(
    () =>
      data && choice
        ? { ...chartOption(data, choice, currentLook(), { number: format.count, exact: format.exact, zone: format.zone }), scheme }
        : null,
    [data, choice, format, scheme],
  );
  if (!choice || !data || !option) {
    return <EmptyState icon={<IconChartLine size={28} stroke={1.4} />} title={t('sql.noChart')} hint={t('sql.noChartHint')} />;
  }
  const numeric = result.columns.filter(({ kind }) => kind === 'number' || kind === 'integer').map(({ name }) => name);
  const all = [...new Set(result.columns.map(({ name }) => name))];
  const labels = result.columns.filter(({ kind }) => kind === 'text' || kind === 'boolean' || kind === 'integer').map(({ name }) => name);
  const set = (more: Partial<ChartChoice>) => onChoice({ ...choice, ...more });
  return (
    <div className={classes.chart}>
      <div className={classes.pickers}>
        <SegmentedControl
          value={choice.type}
          onChange={(type) => set({ type: type as ChartType })}
          data={CHART_TYPES.map((type) => ({ value: type, label: t(`chart.${type}`) }))}
        />
        <Select size="xs" w={150} aria-label={t('sql.xAxis')} leftSection={<span className="dim">{'x'}</span>} data={all} value={choice.x} allowDeselect={false} onChange={(x) => x !== null && set({ x })} />
        <MultiSelect size="xs" maw={340} miw={150} aria-label={t('sql.yAxis')} leftSection={<span className="dim">{'y'}</span>} data={[...new Set(numeric)]} value={choice.y} onChange={(y) => y.length > 0 && set({ y })} />
        <Select size="xs" w={150} clearable placeholder={t('sql.colorBy')} aria-label={t('sql.colorBy')} data={[...new Set(labels)]} value={choice.by} onChange={(by) => set({ by })} />
        {(data.everyNth > 1 || data.skippedSeries > 0) && (
          <span className="dim">
            {[data.everyNth > 1 && t('sql.everyNth', { n: data.everyNth }), data.skippedSeries > 0 && t('sql.skippedSeries', { n: data.skippedSeries })].filter(Boolean).join(' · ')}
          </span>
        )}
      </div>
      <div className={classes.canvas}>
        <EChart option={option} label={t('sql.chartOf', { y: choice.y.join(', '), x: choice.x })} />
      </div>
    </div>
  );
}
