/** Strings, quoted names, dollar quotes and comments: what looks like a parameter there is none. */
const SKIPPED =
  /'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\/|\$([A-Za-z_]\w*)?\$[\s\S]*?\$\1\$/g;

/** Names of `$name` parameters in the order of their first use. */
export function findParams(sql: string): string[] {
  const bare = sql.replace(SKIPPED, ' ');
  const names = [...bare.matchAll(/\$([A-Za-z_]\w*)/g)].map((found) => found[1] ?? '');
  return [...new Set(names)];
}

/** What somebody typed, as the value that is bound: a number, true, false, null, or the text. */
export function bindable(text: string): string | number | boolean | null {
  const bare = text.trim();
  if (/^-?(0|[1-9]\d{0,14})(\.\d+)?$/.test(bare)) return Number(bare);
  if (bare === 'true') return true;
  if (bare === 'false') return false;
  if (bare === 'null') return null;
  // Quotes say that it is text, whatever it looks like.
  const quoted = /^'(.*)'$/s.exec(bare);
  return quoted ? (quoted[1] ?? '').replaceAll("''", "'") : text;
}

/** A bound value as it would be typed to be bound again; the other way round of `bindable`. */
export function typedParams(params: unknown): Record<string, string> {
  // A list belongs to `?`, which has no name to fill.
  if (typeof params !== 'object' || params === null || Array.isArray(params)) return {};
  return Object.fromEntries(
    Object.entries(params).map(([name, value]) => {
      if (typeof value !== 'string') return [name, value === null ? 'null' : typeof value === 'object' ? JSON.stringify(value) : String(value)];
      const same = bindable(value) === value && value !== '';
      return [name, same ? value : `'${value.replaceAll("'", "''")}'`];
    }),
  );
}

export type Bound = Record<string, string | number | boolean | null>;

/** Values for the query's parameters; `$from` and `$to` come from the page's time range unless filled. */
export function bindParams(
  sql: string,
  typed: Record<string, string>,
  range: { startMs: number; endMs: number },
): { bound: Bound; missing: string[] } {
  const bound: Bound = {};
  const missing: string[] = [];
  for (const name of findParams(sql)) {
    const text = typed[name] ?? '';
    if (text !== '') bound[name] = bindable(text);
    else if (name === 'from') bound[name] = new Date(range.startMs).toISOString();
    else if (name === 'to') bound[name] = new Date(range.endMs).toISOString();
    else missing.push(name);
  }
  return { bound, missing };
}
