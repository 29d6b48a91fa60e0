import { IconArrowDown, IconArrowUp, IconLoader2 } from '@tabler/icons-react';
import { type PointerEvent, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';

import { useFormat } from '@/i18n/useFormat';

import { CellView } from './CellView';
import { barFor, barHeight, columnWindow, edgesOf, fitWidth, type Scroll, scrolled } from './gridScroll';
import { type Cell, type Range, useGridKeys } from './gridKeys';
import classes from './ResultGrid.module.css';
import type { ResultColumn, ResultSet } from './result';
import { type Sort, useOrder } from './useOrder';

const ROW = 26;
const HEAD = 44;

type Props = { result: ResultSet };

function useWidths(columns: ResultColumn[], result: ResultSet, zone: string) {
  const shape = columns.map((column) => `${column.name}:${column.typeName}`).join('|') + (result.rowCount > 0 ? '+' : '');
  const fitted = useMemo(
    () =>
      columns.map((column) => {
        const rows = Math.min(100, result.rowCount);
        const texts = Array.from({ length: rows }, (_, row) => result.text(row, column.index, zone));
        return fitWidth(`${column.name}${column.typeName.length > column.name.length ? column.typeName.slice(column.name.length) : ''}`, texts);
      }),
    // The same shape keeps its widths while rows arrive.
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [shape, zone],
  );
  const [dragged, setDragged] = useState<{ shape: string; widths: Record<number, number> }>({ shape, widths: {} });
  const own = dragged.shape === shape ? dragged.widths : {};
  const widths = fitted.map((width, index) => own[index] ?? width);
  const resize = (column: number, width: number | null) => {
    const next = { ...own };
    if (width === null) Reflect.deleteProperty(next, column);
    else next[column] = Math.max(40, width);
    setDragged({ shape, widths: next });
  };
  return [widths, resize] as const;
}

function Resizer({ width, onResize }: { width: number; onResize: (width: number | null) => void }) {
  const start = (event: PointerEvent<HTMLSpanElement>) => {
    event.preventDefault();
    event.stopPropagation();
    const from = event.clientX;
    const target = event.currentTarget;
    target.setPointerCapture(event.pointerId);
    const move = (moved: globalThis.PointerEvent) => onResize(width + moved.clientX - from);
    const end = () => target.removeEventListener('pointermove', move);
    target.addEventListener('pointermove', move);
    target.addEventListener('pointerup', end, { once: true });
    target.addEventListener('pointercancel', end, { once: true });
  };
  return <span className={classes.resizer} onPointerDown={start} onDoubleClick={() => onResize(null)} />;
}

/** A query's rows: any number of them, any number of columns; only what is seen is drawn. */
export function ResultGrid({ result }: Props) {
  const { t } = useTranslation();
  const { zone, exact } = useFormat();
  const box = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ width: 800, height: 400, left: 0 });
  const [scroll, setScroll] = useState<Scroll>({ bar: 0, top: 0 });
  const [sort, setSort] = useState<Sort | null>(null);
  const [opened, setOpened] = useState<Cell | null>(null);
  const { columns, rowCount } = result;
  const [widths, resize] = useWidths(columns, result, zone);
  const gutter = Math.max(44, String(rowCount).length * 8 + 20);
  const lefts = edgesOf(widths);
  const { order, busy } = useOrder(result, sort);
  const extent = { total: rowCount * ROW + HEAD, view: view.height };
  const rowAt = (shown: number) => order?.[shown] ?? shown;

  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const observer = new ResizeObserver(() =>
      setView((old) => ({ ...old, width: element.clientWidth, height: element.clientHeight })),
    );
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  const show = (cell: Cell) => {
    const element = box.current;
    if (!element) return;
    const y = cell.row * ROW;
    const room = view.height - HEAD - ROW;
    const top = Math.min(Math.max(scroll.top, y - room + 4), y);
    if (top !== scroll.top) {
      const bar = barFor(top, extent);
      setScroll({ bar, top });
      element.scrollTop = bar;
    }
    const left = lefts[cell.column] ?? 0;
    const right = left + (widths[cell.column] ?? 0);
    if (left < element.scrollLeft) element.scrollLeft = left;
    else if (right + gutter > element.scrollLeft + view.width) element.scrollLeft = right + gutter - view.width;
  };

  const { active, range, select, onKeyDown } = useGridKeys({
    rows: rowCount,
    columns: columns.length,
    page: Math.max(1, Math.floor((view.height - HEAD) / ROW) - 1),
    show,
    open: setOpened,
    text: (row, column) => result.text(rowAt(row), column, zone),
    heads: columns.map((column) => column.name),
  });

  useEffect(() => {
    if (box.current) box.current.scrollTop = 0;
  }, [sort]);

  const firstRow = Math.max(0, Math.floor(scroll.top / ROW) - 4);
  const lastRow = Math.min(rowCount, Math.ceil((scroll.top + view.height) / ROW) + 4);
  const [firstColumn, lastColumn] = columnWindow(lefts, view.left - 100, view.left + view.width + 100);
  const shownColumns = columns.slice(firstColumn, lastColumn);
  const width = (lefts.at(-1) ?? 0) + gutter;

  const onScroll = () => {
    const element = box.current;
    if (!element) return;
    setScroll((old) => scrolled(old, element.scrollTop, extent));
    setView((old) => (old.left === element.scrollLeft ? old : { ...old, left: element.scrollLeft }));
  };
  const toggle = (column: number) =>
    setSort((old) => (old?.column !== column ? { column, descending: false } : old.descending ? null : { column, descending: true }));

  return (
    <>
      <div
        ref={box}
        className={classes.box}
        role="grid"
        tabIndex={0}
        aria-label={t('sql.result')}
        aria-rowcount={rowCount + 1}
        aria-colcount={columns.length}
        aria-busy={busy}
        onScroll={onScroll}
        onKeyDown={(event) => {
          if (event.key === 'o' && active && !event.ctrlKey && !event.metaKey && !event.altKey) toggle(active.column);
          else onKeyDown(event);
        }}
      >
        <div style={{ height: barHeight(extent), width, minWidth: '100%', position: 'relative' }}>
          <div className={classes.window} style={{ height: Math.min(view.height, extent.total), width, minWidth: '100%' }}>
            <div className={classes.head} role="row" style={{ height: HEAD }}>
              <div className={classes.corner} role="columnheader" style={{ width: gutter }} title={t('sql.rowNumber')}>{'#'}</div>
              {shownColumns.map((column) => {
                const sorted = sort?.column === column.index ? sort : null;
                return (
                  <div
                    key={column.index}
                    role="columnheader"
                    aria-sort={sorted ? (sorted.descending ? 'descending' : 'ascending') : undefined}
                    className={classes.column}
                    style={{ left: gutter + (lefts[column.index] ?? 0), width: widths[column.index] }}
                  >
                    <button type="button" tabIndex={-1} onClick={() => toggle(column.index)} title={column.name}>
                      <span className={classes.columnName}>
                        {column.name}
                        {sorted && (busy ? <IconLoader2 size={12} className={classes.spin} aria-label={t('sql.sorting')} /> : sorted.descending ? <IconArrowDown size={12} /> : <IconArrowUp size={12} />)}
                      </span>
                      <span className={classes.columnType}>{column.typeName}</span>
                    </button>
                    <Resizer width={widths[column.index] ?? 80} onResize={(next) => resize(column.index, next)} />
                  </div>
                );
              })}
            </div>
            {Array.from({ length: Math.max(0, lastRow - firstRow) }, (_, index) => {
              const row = firstRow + index;
              return (
                <div key={row} role="row" aria-rowindex={row + 2} className={classes.row} style={{ transform: `translateY(${String(HEAD + row * ROW - scroll.top)}px)` }}>
                  <div className={classes.gutter} style={{ width: gutter }} role="rowheader">
                    {exact(row + 1)}
                  </div>
                  {shownColumns.map((column) => (
                    <GridCell
                      key={column.index}
                      column={column}
                      text={result.text(rowAt(row), column.index, zone)}
                      left={gutter + (lefts[column.index] ?? 0)}
                      width={widths[column.index] ?? 80}
                      chosen={inRange(range, row, column.index)}
                      active={active?.row === row && active.column === column.index}
                      onDown={(extend) => select({ row, column: column.index }, extend)}
                      onOpen={() => setOpened({ row, column: column.index })}
                    />
                  ))}
                </div>
              );
            })}
          </div>
        </div>
      </div>
      {opened && (
        <CellView
          column={columns[opened.column]}
          text={result.text(rowAt(opened.row), opened.column, zone, true)}
          row={opened.row}
          onClose={() => setOpened(null)}
        />
      )}
    </>
  );
}

function inRange(range: Range | null, row: number, column: number): boolean {
  return range !== null && row >= range.top && row <= range.bottom && column >= range.left && column <= range.right;
}

type CellProps = {
  column: ResultColumn;
  text: string | null;
  left: number;
  width: number;
  chosen: boolean;
  active: boolean;
  onDown: (extend: boolean) => void;
  onOpen: () => void;
};

function GridCell({ column, text, left, width, chosen, active, onDown, onOpen }: CellProps) {
  return (
    <div
      role="gridcell"
      className={classes.cell}
      data-kind={text === null ? 'null' : column.kind}
      data-chosen={chosen}
      data-active={active}
      style={{ left, width }}
      onPointerDown={(event) => onDown(event.shiftKey)}
      onPointerEnter={(event) => {
        if (event.buttons === 1) onDown(true);
      }}
      onDoubleClick={onOpen}
    >
      {text === null ? 'null' : text.length > 300 ? `${text.slice(0, 300)}…` : text}
    </div>
  );
}
