/** Okabe–Ito, extended to ten; told apart by colour-blind people, on light and on dark ground. */
export const SERIES = [
  '#4477b8', '#e08a1e', '#1f9e78', '#c75b9b', '#8a7a3a', '#56a8d6', '#cc5a2b', '#8566b5', '#7d8790', '#b3a125',
] as const;

/** The same name has the same colour everywhere. */
export function seriesColor(name: string, taken?: Map<string, string>): string {
  const known = taken?.get(name);
  if (known !== undefined) return known;
  let hash = 0;
  for (const letter of name) hash = (hash * 31 + (letter.codePointAt(0) ?? 0)) >>> 0;
  const color = SERIES[hash % SERIES.length] ?? SERIES[0];
  taken?.set(name, color);
  return color;
}
