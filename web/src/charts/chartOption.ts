import { timestampText } from '@/sql/cells';
import { SERIES } from '@/theme/palette';

import type { ChartChoice } from './autoChart';
import type { ChartData } from './chartData';

export type Look = { text: string; dim: string; line: string; panel: string; font: string };

/** The colours of the page as it is now; a canvas knows no CSS variables. */
export function currentLook(): Look {
  const style = getComputedStyle(document.documentElement);
  const color = (name: string) => style.getPropertyValue(name).trim();
  return {
    text: color('--text'), dim: color('--dim'), line: color('--line'), panel: color('--panel'),
    font: getComputedStyle(document.body).fontFamily,
  };
}

type Words = { number: (value: number) => string; exact: (value: number) => string; zone: string };

export function chartOption(data: ChartData, choice: ChartChoice, look: Look, words: Words): Record<string, unknown> {
  const axisLook = {
    axisLine: { lineStyle: { color: look.line } },
    axisTick: { show: false },
    axisLabel: { color: look.dim, fontSize: 12, hideOverlap: true },
    splitLine: { lineStyle: { color: look.line } },
  };
  const many = data.series.length > 1;
  const timeLabel = (ms: number) => timestampText(ms, words.zone);
  return {
    animation: false,
    textStyle: { fontFamily: look.font, fontSize: 12, color: look.text },
    color: [...SERIES],
    grid: { left: 8, right: 16, top: many ? 36 : 16, bottom: 36, containLabel: true },
    legend: many
      ? { type: 'scroll', top: 4, left: 8, right: 8, icon: 'roundRect', itemWidth: 10, itemHeight: 10, textStyle: { color: look.dim }, pageTextStyle: { color: look.dim }, pageIconColor: look.dim }
      : undefined,
    tooltip: {
      trigger: choice.type === 'scatter' ? 'item' : 'axis',
      axisPointer: { type: 'line', lineStyle: { color: look.dim, type: 'solid', opacity: 0.5 }, label: { show: false } },
      backgroundColor: look.panel,
      borderColor: look.line,
      textStyle: { color: look.text, fontSize: 12 },
      confine: true,
      // Names come from data: they are shown as text, never as markup.
      renderMode: 'richText',
      valueFormatter: (value: unknown) => (typeof value === 'number' ? words.exact(value) : String(value)),
    },
    dataZoom: [{ type: 'inside', filterMode: 'none' }],
    xAxis: {
      type: data.axis,
      ...axisLook,
      splitLine: { show: false },
      ...(data.axis === 'time'
        ? { axisLabel: { ...axisLook.axisLabel, formatter: (ms: number) => shortTime(timeLabel(ms)) }, axisPointer: { label: { formatter: ({ value }: { value: number }) => timeLabel(value) } } }
        : {}),
      ...(data.axis === 'value' ? { scale: true } : {}),
    },
    yAxis: { type: 'value', scale: choice.type === 'scatter' || choice.type === 'line', ...axisLook, axisLine: { show: false }, axisLabel: { ...axisLook.axisLabel, formatter: words.number } },
    series: data.series.map((one) => ({
      name: one.name,
      data: one.points,
      type: choice.type === 'area' ? 'line' : choice.type,
      ...(choice.type === 'area' ? { areaStyle: { opacity: 0.18 } } : {}),
      ...(choice.type === 'scatter' ? { symbolSize: 5, large: true, itemStyle: { opacity: 0.7 } } : {}),
      ...(choice.type === 'bar' ? { barMaxWidth: 36, large: true } : {}),
      ...(choice.type === 'line' || choice.type === 'area' ? { showSymbol: one.points.length < 2, sampling: 'lttb', lineStyle: { width: 1.5 } } : {}),
      emphasis: { disabled: true },
    })),
  };
}

/** The part of a time that differs along an axis: the date at midnight, else the clock. */
function shortTime(text: string): string {
  const [date = '', clock = ''] = text.split(' ');
  return clock.startsWith('00:00:00') ? date.slice(5) : clock.replace(/:00$/, '').slice(0, 8);
}
