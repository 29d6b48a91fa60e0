import { type Data, DataType } from 'apache-arrow';

import { cellNumber, cellText } from './cells';
import type { Keys } from './order';
import type { ResultSet } from './result';

/** Rows between two breaths: a few milliseconds of the slow way. */
const STEP = 10_000;

/** Whether row `row` of a batch's column has a value, by its bitmap. */
function isThere(data: Data, row: number): boolean {
  if (data.nullCount === 0) return true;
  const at = data.offset + row;
  return (((data.nullBitmap as Uint8Array | undefined)?.[at >> 3] ?? 255) >> (at & 7) & 1) === 1;
}

function parts(result: ResultSet, column: number): Data[] {
  return result.batches.flatMap((batch) => [...(batch.getChildAt(column)?.data ?? [])]);
}

/**
 * A column's keys, step by step: whoever runs it may let the page breathe at each yield. Texts and whole
 * numbers are copied as they lie in memory; everything else is read value by value.
 */
export function* sortKeys(result: ResultSet, column: number): Generator<undefined, Keys> {
  const found = result.columns[column];
  const rows = result.rowCount;
  if (!found) return { kind: 'numbers', values: new Float64Array(rows) };
  const { type, kind } = found;
  const whole = parts(result, column).every((data) => data.offset === 0);
  if (whole && (DataType.isUtf8(type) || DataType.isLargeUtf8(type))) return yield* plainTexts(parts(result, column), rows);
  if (whole && parts(result, column).every((data) => data.values instanceof Float64Array)) return yield* doubles(parts(result, column), rows);
  if (whole && (DataType.isInt(type) || DataType.isTimestamp(type))) {
    const wide = parts(result, column).every((data) => data.values instanceof BigInt64Array);
    if (wide) return yield* integers(parts(result, column), rows);
  }
  if (kind === 'text' || kind === 'nested' || kind === 'binary') return yield* readTexts(result, column, type);
  const values = new Float64Array(rows);
  let row = 0;
  for (const value of result.values(column)) {
    values[row] = cellNumber(value, type) ?? Number.NaN;
    row += 1;
    if (row % STEP === 0) yield;
  }
  return { kind: 'numbers', values };
}

/** Offsets of either width, from the first text's own. */
function* plainTexts(datas: Data[], rows: number): Generator<undefined, Keys> {
  const edge = (data: Data, index: number) => Number((data.valueOffsets as Int32Array | BigInt64Array)[index] ?? 0);
  const size = datas.reduce((sum, data) => sum + edge(data, data.length) - edge(data, 0), 0);
  const bytes = new Uint8Array(size);
  const ends = new Int32Array(rows);
  const there = new Uint8Array(rows).fill(1);
  let row = 0;
  let filled = 0;
  for (const data of datas) {
    const [first, last] = [edge(data, 0), edge(data, data.length)];
    bytes.set((data.values as Uint8Array).subarray(first, last), filled);
    for (let index = 0; index < data.length; index += 1) {
      ends[row] = edge(data, index + 1) - first + filled;
      if (data.nullCount > 0 && !isThere(data, index)) there[row] = 0;
      row += 1;
    }
    filled += last - first;
    yield;
  }
  return { kind: 'texts', bytes, ends, there };
}

function* doubles(datas: Data[], rows: number): Generator<undefined, Keys> {
  const values = new Float64Array(rows);
  let row = 0;
  for (const data of datas) {
    values.set((data.values as Float64Array).subarray(0, data.length), row);
    for (let index = 0; data.nullCount > 0 && index < data.length; index += 1) {
      if (!isThere(data, index)) values[row + index] = Number.NaN;
    }
    row += data.length;
    yield;
  }
  return { kind: 'numbers', values };
}

function* integers(datas: Data[], rows: number): Generator<undefined, Keys> {
  const values = new BigInt64Array(rows);
  const there = new Uint8Array(rows).fill(1);
  let row = 0;
  for (const data of datas) {
    values.set((data.values as BigInt64Array).subarray(0, data.length), row);
    for (let index = 0; data.nullCount > 0 && index < data.length; index += 1) {
      if (!isThere(data, index)) there[row + index] = 0;
    }
    row += data.length;
    yield;
  }
  return { kind: 'integers', values, there };
}

function* readTexts(result: ResultSet, column: number, type: DataType): Generator<undefined, Keys> {
  const encoder = new TextEncoder();
  const pieces: Uint8Array[] = [];
  const ends = new Int32Array(result.rowCount);
  const there = new Uint8Array(result.rowCount);
  let row = 0;
  let filled = 0;
  for (const value of result.values(column)) {
    const text = cellText(value, type, 'UTC');
    if (text !== null) {
      const piece = encoder.encode(text);
      pieces.push(piece);
      filled += piece.length;
      there[row] = 1;
    }
    ends[row] = filled;
    row += 1;
    if (row % STEP === 0) yield;
  }
  const bytes = new Uint8Array(filled);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return { kind: 'texts', bytes, ends, there };
}
