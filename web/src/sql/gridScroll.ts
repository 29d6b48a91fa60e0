/** Browsers end the height of an element between 17 and 33 million pixels; a million rows need more. */
export const TALLEST = 8_000_000;

/** Where a tall list stands, while its scroll bar is shorter than the list. */
export type Scroll = { bar: number; top: number };
export type Extent = { total: number; view: number };

export function barHeight({ total }: Extent): number {
  return Math.min(total, TALLEST);
}

/**
 * The list's own position after the bar moved to `bar`. A short move (a wheel, an arrow) moves the list
 * by as many pixels; a long one (the bar dragged) moves it by its share.
 */
export function scrolled(old: Scroll, bar: number, extent: Extent): Scroll {
  const { total, view } = extent;
  const end = Math.max(0, total - view);
  const barEnd = Math.max(0, barHeight(extent) - view);
  if (total <= TALLEST) return { bar, top: Math.min(bar, end) };
  if (bar <= 0) return { bar, top: 0 };
  if (bar >= barEnd - 1) return { bar, top: end };
  const moved = bar - old.bar;
  const top = Math.abs(moved) <= view ? old.top + moved : (bar / barEnd) * end;
  return { bar, top: Math.min(end, Math.max(0, top)) };
}

/** The bar's position that shows `top`. */
export function barFor(top: number, extent: Extent): number {
  const { total, view } = extent;
  if (total <= TALLEST) return top;
  const end = Math.max(1, total - view);
  return (top / end) * Math.max(0, barHeight(extent) - view);
}

/** First and last index (exclusive) of the columns between two edges; `lefts` has one more entry than columns. */
export function columnWindow(lefts: readonly number[], from: number, to: number): [number, number] {
  let first = 0;
  while (first < lefts.length - 2 && (lefts[first + 1] ?? 0) <= from) first += 1;
  let last = first;
  while (last < lefts.length - 1 && (lefts[last] ?? 0) < to) last += 1;
  return [first, last];
}

/** A width that fits most of a column's first texts. */
export function fitWidth(head: string, texts: readonly (string | null)[]): number {
  const longest = texts.reduce((most, text) => Math.max(most, wideLength(text ?? 'null')), 0);
  return Math.round(Math.min(360, Math.max(64, longest * 7.3 + 20, wideLength(head) * 7.2 + 40)));
}

/** Length in half-width letters: Korean and its neighbours take two. */
export function wideLength(text: string): number {
  let length = 0;
  for (const letter of text.slice(0, 80)) length += (letter.codePointAt(0) ?? 0) > 0x10ff ? 1.75 : 1;
  return length;
}

/** Where columns begin; one more entry for where the last one ends. */
export function edgesOf(widths: readonly number[]): number[] {
  const edges = [0];
  let edge = 0;
  for (const width of widths) edges.push((edge += width));
  return edges;
}
