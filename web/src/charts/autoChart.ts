import type { Kind } from '@/sql/cells';

export type ChartType = 'line' | 'bar' | 'area' | 'scatter';
export const CHART_TYPES: readonly ChartType[] = ['line', 'bar', 'area', 'scatter'];
/** Columns by name, so that a chart survives a reordered query. */
export type ChartChoice = { type: ChartType; x: string; y: string[]; by: string | null };
export type ChartColumn = { name: string; kind: Kind };

const isNumber = ({ kind }: ChartColumn) => kind === 'number' || kind === 'integer';
const isTime = ({ kind }: ChartColumn) => kind === 'instant' || kind === 'local' || kind === 'date';
const isOwn = ({ name }: ChartColumn) => name === '_partition' || name === '_offset';

/** A chart that probably says what the answer says; null where nothing can be drawn. */
export function autoChart(columns: readonly ChartColumn[]): ChartChoice | null {
  const numbers = columns.filter((column) => isNumber(column) && !isOwn(column));
  const time = columns.find(isTime);
  const label = columns.find(({ kind }) => kind === 'text' || kind === 'boolean');
  if (time && numbers[0]) {
    const y = label ? [numbers[0].name] : numbers.slice(0, 4).map(({ name }) => name);
    return { type: 'line', x: time.name, y, by: label?.name ?? null };
  }
  if (label && numbers[0]) {
    return { type: 'bar', x: label.name, y: numbers.slice(0, 3).map(({ name }) => name), by: null };
  }
  const [first, second] = numbers;
  if (first && second) return { type: 'scatter', x: first.name, y: [second.name], by: null };
  return null;
}

/** A choice from a link, as far as it fits the answer; else the automatic one. */
export function fittingChart(wanted: Partial<ChartChoice> | undefined, columns: readonly ChartColumn[]): ChartChoice | null {
  const auto = autoChart(columns);
  const has = (name: unknown) => columns.some((column) => column.name === name);
  if (!wanted || !has(wanted.x)) return auto;
  const y = (Array.isArray(wanted.y) ? wanted.y : []).filter((name) => has(name));
  const type = CHART_TYPES.find((known) => known === wanted.type);
  if (y.length === 0 || !type) return auto;
  return { type, x: wanted.x ?? '', y, by: has(wanted.by) ? (wanted.by ?? null) : null };
}
