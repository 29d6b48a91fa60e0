import { cellText } from '@/sql/cells';
import type { ResultColumn, ResultSet } from '@/sql/result';

import type { ChartChoice } from './autoChart';

export type Axis = 'time' | 'value' | 'category';
export type Series = { name: string; points: [number | string, number | null][] };
export type ChartData = { axis: Axis; series: Series[]; skippedSeries: number; everyNth: number };

const MOST_POINTS = 200_000;
const MOST_SERIES = 20;

function axisOf(column: ResultColumn, choice: ChartChoice): Axis {
  const { kind } = column;
  if (kind === 'instant' || kind === 'local' || kind === 'date') return choice.type === 'bar' ? 'category' : 'time';
  if ((kind === 'number' || kind === 'integer') && choice.type !== 'bar') return 'value';
  return 'category';
}

/** Points per series; of very many rows every nth one, which the chart says. */
export function chartData(result: ResultSet, choice: ChartChoice, zone: string): ChartData | null {
  const find = (name: string | null) => result.columns.find((column) => column.name === name);
  const x = find(choice.x);
  const by = find(choice.by);
  const ys = choice.y.map(find).filter((column) => column !== undefined);
  if (!x || ys.length === 0) return null;
  const axis = axisOf(x, choice);
  const everyNth = Math.max(1, Math.ceil((result.rowCount * ys.length) / MOST_POINTS));
  const numbers = ys.map((column) => result.numbers(column.index));
  const xs = axis === 'category' ? null : result.numbers(x.index);
  const series = new Map<string, Series>();
  const skipped = new Set<string>();
  for (let row = 0; row < result.rowCount; row += everyNth) {
    const at = xs ? (xs[row] ?? Number.NaN) : (cellText(result.value(row, x.index), x.type, zone) ?? 'null');
    if (typeof at === 'number' && Number.isNaN(at)) continue;
    const group = by ? (result.text(row, by.index, zone) ?? 'null') : null;
    ys.forEach((column, index) => {
      const name = group === null ? column.name : ys.length > 1 ? `${group} · ${column.name}` : group;
      let one = series.get(name);
      if (!one) {
        if (series.size >= MOST_SERIES) {
          skipped.add(name);
          return;
        }
        one = { name, points: [] };
        series.set(name, one);
      }
      const value = numbers[index]?.[row] ?? Number.NaN;
      one.points.push([at, Number.isFinite(value) ? value : null]);
    });
  }
  const found = [...series.values()];
  if (axis !== 'category' && choice.type !== 'scatter') {
    // Lines run along their axis, in whatever order the rows came.
    for (const one of found) one.points.sort((a, b) => Number(a[0]) - Number(b[0]));
  }
  return { axis, series: found, skippedSeries: skipped.size, everyNth };
}
