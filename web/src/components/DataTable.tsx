import { IconArrowDown, IconArrowUp } from '@tabler/icons-react';
import { type KeyboardEvent, type ReactNode, useMemo, useState } from 'react';

import { useColumnWidths } from './columnWidths';
import classes from './DataTable.module.css';

export type Col<T> = {
  key: string;
  head: ReactNode;
  cell: (row: T) => ReactNode;
  /** What sorting compares; a column without it is not sorted. */
  sort?: (row: T) => string | number | null;
  end?: boolean;
  width?: number | string;
  /** Columns that a phone leaves out. */
  wide?: boolean;
};

type Sort = { key: string; descending: boolean };
type Props<T> = {
  rows: readonly T[];
  cols: readonly Col<T>[];
  rowKey: (row: T) => string;
  label: string;
  initial?: Sort;
  empty?: ReactNode;
  onRow?: (row: T) => void;
  maxHeight?: number | string;
};

function compare(a: string | number | null, b: string | number | null): number {
  // Nothing comes last, whichever way the column is sorted.
  if (a === null) return 1;
  if (b === null) return -1;
  return typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b));
}

/** A table of things: sorted by its heads, whose edges are dragged. A row's own link is what the keyboard reaches. */
export function DataTable<T>(props: Props<T>) {
  const { rows, cols, rowKey, label, initial, empty, onRow, maxHeight } = props;
  const [sort, setSort] = useState<Sort | undefined>(initial);
  const sorted = useMemo(() => {
    const by = cols.find((col) => col.key === sort?.key)?.sort;
    if (!by || !sort) return rows;
    const sign = sort.descending ? -1 : 1;
    return rows.toSorted((a, b) => {
      const [x, y] = [by(a), by(b)];
      return x === null || y === null ? compare(x, y) : sign * compare(x, y);
    });
  }, [rows, cols, sort]);
  const toggle = (col: Col<T>) => {
    const again = sort?.key === col.key;
    setSort({ key: col.key, descending: again ? !sort.descending : col.end === true });
  };
  const { table, widths, grip, nudge } = useColumnWidths();
  const onHeadKey = (event: KeyboardEvent, key: string) => {
    if (!event.shiftKey || (event.key !== 'ArrowLeft' && event.key !== 'ArrowRight')) return;
    event.preventDefault();
    nudge(key, event.key === 'ArrowLeft' ? -16 : 16);
  };
  const cls = (col: Col<T>) => [col.end && classes.end, col.wide && classes.wide].filter(Boolean).join(' ');
  return (
    <div className={classes.scroll} style={{ maxHeight }} tabIndex={maxHeight === undefined ? undefined : 0}>
      <table ref={table} className={classes.table} aria-label={label} data-sized={widths !== null} style={widths === null ? undefined : { width: Object.values(widths).reduce((sum, width) => sum + width, 0) }}>
        <thead>
          <tr>
            {cols.map((col) => {
              const active = sort?.key === col.key;
              const Arrow = active && sort.descending ? IconArrowDown : IconArrowUp;
              return (
                <th
                  key={col.key}
                  scope="col"
                  className={cls(col)}
                  data-key={col.key}
                  style={{ width: widths?.[col.key] ?? col.width }}
                  aria-sort={active ? (sort.descending ? 'descending' : 'ascending') : undefined}
                >
                  {col.sort ? (
                    <button type="button" className={classes.head} onClick={() => toggle(col)} onKeyDown={(event) => onHeadKey(event, col.key)}>
                      {col.head}
                      <Arrow size={12} data-active={active} aria-hidden />
                    </button>
                  ) : (
                    col.head
                  )}
                  <span className={classes.grip} {...grip(col.key)} />
                </th>
              );
            })}
          </tr>
        </thead>
        <tbody>
          {sorted.map((row) => (
            <tr
              key={rowKey(row)}
              data-click={onRow !== undefined}
              onClick={
                onRow &&
                ((event) => {
                  const inner = (event.target as HTMLElement).closest('a, button, input');
                  if (!inner && window.getSelection()?.isCollapsed !== false) onRow(row);
                })
              }
            >
              {cols.map((col) => (
                <td key={col.key} className={cls(col)}>
                  {col.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length === 0 && empty}
    </div>
  );
}
