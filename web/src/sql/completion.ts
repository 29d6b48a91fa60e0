import type { Completion, CompletionContext, CompletionResult, CompletionSource } from '@codemirror/autocomplete';
import { PostgreSQL, SQLDialect, type SQLNamespace } from '@codemirror/lang-sql';

import type { Catalog } from '@/api/types';

/** The words of a query; PostgreSQL's own list has hundreds more, `path` and `name` among them. */
const KEYWORDS = `all and any anti as asc asof between by case cast columns cross current_date
  current_timestamp cube describe desc distinct else end escape except exclude exists explain false fetch filter
  first following for from full glob group grouping having ilike in inner intersect interval into is join
  last lateral left like limit natural not null nulls of offset on or order outer over partition percent pivot
  positional preceding qualify range recursive replace respect right rollup row rows sample select
  semi sets show similar some summarize system_time system_version table tablesample then ties to true try_cast
  unbounded union unnest unpivot using values version when where window with within`;

const TYPES = `bigint blob boolean date decimal double float hugeint integer json list map real smallint struct
  text time timestamp timestamptz tinyint ubigint uinteger union uuid varchar`;

/** lang-sql takes its words apart at single blanks. */
const words = (text: string) => text.split(/\s+/).join(' ');

/**
 * PostgreSQL's marks with DuckDB's words. `$name` is a parameter; `_name`, which lang-sql would cut in two,
 * is marked in the same way: such columns are Madang's own. Dollar quotes would hide `$name`.
 */
export const dialect = SQLDialect.define({
  ...PostgreSQL.spec,
  keywords: words(KEYWORDS),
  types: words(TYPES),
  builtin: '',
  doubleDollarQuotedStrings: false,
  specialVar: '$_',
});

/** Schemas → tables → columns, as lang-sql completes them after a dot. */
export function namespaceOf(catalog: Catalog): SQLNamespace {
  const schemas: Record<string, Record<string, Completion[]>> = {};
  for (const table of catalog.tables) {
    const dot = table.name.indexOf('.');
    const schema = dot < 0 ? 'lake' : table.name.slice(0, dot);
    const tables = (schemas[schema] ??= {});
    tables[table.name.slice(dot + 1)] = table.columns.map(({ name, type }) => ({
      label: quoted(name),
      detail: type.toLowerCase(),
      type: 'property',
    }));
  }
  return schemas;
}

export function quoted(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}

/** Tables of the catalog that the text names. */
export function tablesIn(text: string, catalog: Catalog): Catalog['tables'] {
  return catalog.tables.filter((table) => {
    const bare = table.name.replace(/[.$()|[\]{}^*+?\\]/g, '\\$&');
    return new RegExp(`\\b${bare}\\b`, 'i').test(text);
  });
}

/** Columns of the tables that the query names, full table names, and functions. */
export function catalogSource(catalog: Catalog): CompletionSource {
  const functions: Completion[] = catalog.functions.map((name) => ({
    label: name,
    type: 'function',
    apply: `${name}(`,
    boost: -1,
  }));
  const names: Completion[] = catalog.tables.map(({ name }) => ({ label: name, type: 'class', boost: 1 }));
  return (context: CompletionContext): CompletionResult | null => {
    const word = context.matchBefore(/[\w.]+/);
    if (!word && !context.explicit) return null;
    const before = context.state.sliceDoc(Math.max(0, (word?.from ?? context.pos) - 1), word?.from ?? context.pos);
    if (before === '.' || before === '$' || before === '"') return null;
    const wantsTable = /\b(from|join)\s+$/i.test(
      context.state.sliceDoc(Math.max(0, (word?.from ?? context.pos) - 40), word?.from ?? context.pos),
    );
    const columns: Completion[] = wantsTable
      ? []
      : tablesIn(context.state.doc.toString(), catalog).flatMap((table) =>
          table.columns.map(({ name, type }) => ({
            label: quoted(name),
            detail: type.toLowerCase(),
            type: 'property',
            boost: 2,
          })),
        );
    const seen = new Set<string>();
    const unique = columns.filter(({ label }) => !seen.has(label) && seen.add(label));
    return {
      from: word?.from ?? context.pos,
      options: wantsTable ? names : [...unique, ...names, ...functions],
      validFor: /^[\w.]*$/,
    };
  };
}
