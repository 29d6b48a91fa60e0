import { type KeyboardEvent, useState } from 'react';

import { copyText } from '@/components/CopyButton';

export type Cell = { row: number; column: number };
export type Range = { top: number; bottom: number; left: number; right: number };

type Grid = {
  rows: number;
  columns: number;
  page: number;
  heads: string[];
  text: (row: number, column: number) => string | null;
  show: (cell: Cell) => void;
  open: (cell: Cell) => void;
};

/** A clipboard of more cells than this helps nobody and stops the tab. */
const MOST_COPIED = 500_000;

/** Tab-separated, as spreadsheets take it; tabs and line ends inside a value become spaces. */
export function tabSeparated(range: Range, grid: Pick<Grid, 'heads' | 'text'>): string {
  const lines: string[] = [];
  const many = range.bottom > range.top || range.right > range.left;
  const columns = Array.from({ length: range.right - range.left + 1 }, (_, index) => range.left + index);
  if (many) lines.push(columns.map((column) => grid.heads[column] ?? '').join('\t'));
  const most = Math.max(1, Math.floor(MOST_COPIED / columns.length));
  for (let row = range.top; row <= Math.min(range.bottom, range.top + most - 1); row += 1) {
    const cells = columns.map((column) => grid.text(row, column) ?? '');
    lines.push(many ? cells.map((cell) => cell.replace(/[\t\r\n]+/g, ' ')).join('\t') : cells.join(''));
  }
  return lines.join('\n');
}

export function rangeOf(anchor: Cell, active: Cell): Range {
  return {
    top: Math.min(anchor.row, active.row),
    bottom: Math.max(anchor.row, active.row),
    left: Math.min(anchor.column, active.column),
    right: Math.max(anchor.column, active.column),
  };
}

/** Where a key leads from a cell; null for keys that do not move. */
export function moved(cell: Cell, key: string, far: boolean, grid: Pick<Grid, 'rows' | 'columns' | 'page'>): Cell | null {
  const { rows, columns, page } = grid;
  const at = (row: number, column: number): Cell => ({
    row: Math.min(rows - 1, Math.max(0, row)),
    column: Math.min(columns - 1, Math.max(0, column)),
  });
  switch (key) {
    case 'ArrowUp': return at(far ? 0 : cell.row - 1, cell.column);
    case 'ArrowDown': return at(far ? rows : cell.row + 1, cell.column);
    case 'ArrowLeft': return at(cell.row, far ? 0 : cell.column - 1);
    case 'ArrowRight': return at(cell.row, far ? columns : cell.column + 1);
    case 'PageUp': return at(cell.row - page, cell.column);
    case 'PageDown': return at(cell.row + page, cell.column);
    case 'Home': return at(far ? 0 : cell.row, 0);
    case 'End': return at(far ? rows : cell.row, columns);
    default: return null;
  }
}

/** Moving, choosing and copying by keyboard, as a spreadsheet does it. */
export function useGridKeys(grid: Grid) {
  const [choice, setChoice] = useState<{ anchor: Cell; active: Cell } | null>(null);
  const active = choice && choice.active.row < grid.rows && choice.active.column < grid.columns ? choice.active : null;
  const range = choice && active ? rangeOf(choice.anchor, active) : null;

  const select = (cell: Cell, extend: boolean) =>
    setChoice((old) => ({ anchor: extend && old ? old.anchor : cell, active: cell }));

  const onKeyDown = (event: KeyboardEvent) => {
    const command = event.ctrlKey || event.metaKey;
    if (grid.rows === 0) return;
    if (command && event.key.toLowerCase() === 'c' && range) {
      event.preventDefault();
      void copyText(tabSeparated(range, grid));
    } else if (command && event.key.toLowerCase() === 'a') {
      event.preventDefault();
      setChoice({ anchor: { row: 0, column: 0 }, active: { row: grid.rows - 1, column: grid.columns - 1 } });
    } else if ((event.key === 'Enter' || event.key === ' ') && active && !command) {
      event.preventDefault();
      grid.open(active);
    } else {
      const next = moved(active ?? { row: 0, column: 0 }, event.key, command, grid);
      if (!next) return;
      event.preventDefault();
      const target = active ? next : { row: 0, column: 0 };
      select(target, event.shiftKey);
      grid.show(target);
    }
  };
  return { active, range, select, onKeyDown };
}
