import { Decimal, Field, Int64, LargeUtf8, List, Table, TimestampMicrosecond, Utf8, tableFromArrays, vectorFromArray } from 'apache-arrow';
import { describe, expect, it } from 'vitest';

import { autoChart, fittingChart } from '@/charts/autoChart';
import { chartData } from '@/charts/chartData';

import { cellText, decimalText, timestampText, typeName } from './cells';
import { closeDraft, draftTitle, emptyDraft, openDraft, parseDrafts } from './drafts';
import { moved, rangeOf, tabSeparated } from './gridKeys';
import { barFor, barHeight, columnWindow, scrolled, TALLEST } from './gridScroll';
import { type Keys, orderOf } from './order';
import { bindable, bindParams, findParams, typedParams } from './params';
import { ResultSet } from './result';
import { decodeShared, encodeShared } from './shareLink';
import { orderNow } from './useOrder';

describe('links', () => {
  it('carry a query there and back, Korean too', () => {
    const shared = { sql: "SELECT '한글' -- 설명\nFROM lake.주문", params: { from: '' }, chart: { type: 'bar' } };
    const text = encodeShared(shared);
    expect(text).toMatch(/^[\w-]+$/);
    expect(decodeShared(text ?? '')).toEqual(shared);
  });
  it.each(['', '!!', 'AAAA', 'x'.repeat(40_000)])('say null for a broken one: %.10j', (text) => {
    expect(decodeShared(text)).toBeNull();
  });
  it('are refused for what no mail program would carry', () => {
    const noise = Array.from({ length: 60_000 }, (_, index) => String.fromCharCode(33 + ((index * 7919 + (index >> 3) * 31) % 90))).join('');
    expect(encodeShared({ sql: noise + Array.from({ length: 30_000 }, () => Math.random().toString(36)).join('') })).toBeNull();
  });
});

describe('parameters', () => {
  it('are found where they are, once, and not in strings, names or comments', () => {
    expect(findParams("SELECT $b, '$c', \"$d\", $a -- $e\n/* $f */ WHERE x = $b")).toEqual(['b', 'a']);
    expect(findParams('SELECT $$ $no $$, $tag$ $no $tag$, $1')).toEqual([]);
    expect(findParams("SELECT 'it''s $no', $yes")).toEqual(['yes']);
  });
  it('are bound with the type that was meant', () => {
    expect(bindable('12')).toBe(12);
    expect(bindable('-0.5')).toBe(-0.5);
    expect(bindable('007')).toBe('007');
    expect(bindable("'12'")).toBe('12');
    expect(bindable('true')).toBe(true);
    expect(bindable('null')).toBeNull();
    expect(bindable('12345678901234567890')).toBe('12345678901234567890');
  });
  it('come back from the history as they would be typed', () => {
    const bound = { a: '12', b: 12, c: null, d: true, e: "it's", f: 'null', g: '', h: "'q'" };
    const typed = typedParams(bound);
    expect(typed['e']).toBe("it's");
    expect(Object.fromEntries(Object.entries(typed).map(([name, text]) => [name, bindable(text)]))).toEqual(bound);
    expect(typedParams([1, 2])).toEqual({});
    expect(typedParams(null)).toEqual({});
  });
  it('take $from and $to from the range, and name what is missing', () => {
    const { bound, missing } = bindParams('SELECT $from, $to, $x, $y', { y: '1' }, { startMs: 0, endMs: 1000 });
    expect(bound).toEqual({ from: '1970-01-01T00:00:00.000Z', to: '1970-01-01T00:00:01.000Z', y: 1 });
    expect(missing).toEqual(['x']);
  });
});

describe('drafts', () => {
  it('survive nonsense in the storage', () => {
    expect(parseDrafts('{"tabs": 3}').tabs).toHaveLength(1);
    expect(parseDrafts(null).tabs).toHaveLength(1);
  });
  it('open a query once and take over the empty tab', () => {
    const start = parseDrafts(null);
    const one = openDraft(start, emptyDraft('SELECT 1'));
    expect(one.tabs).toHaveLength(1);
    expect(openDraft(one, emptyDraft('SELECT 1 ')).tabs).toHaveLength(1);
    const two = openDraft(one, emptyDraft('SELECT 2'));
    expect(closeDraft(two, two.active).active).toBe(one.active);
  });
  it('are named after what they read', () => {
    expect(draftTitle('SELECT * FROM lake.orders o')).toBe('orders');
    expect(draftTitle('SELECT 1 + 1')).toBe('SELECT 1 +');
  });
});

describe('cells', () => {
  it('keep microseconds and turn instants into the zone', () => {
    expect(timestampText(Date.UTC(2026, 10, 21, 8, 8, 44, 123) + 0.456, 'Asia/Seoul')).toBe('2026-11-21 17:08:44.123456');
    expect(timestampText(0, null)).toBe('1970-01-01 00:00:00');
    expect(timestampText(Date.UTC(-1, 0, 1), null)).toMatch(/^-0001-01-01/);
  });
  it('keep decimals whole', () => {
    expect(decimalText(Uint32Array.of(12345, 0, 0, 0), 2)).toBe('123.45');
    expect(decimalText(Uint32Array.of(0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff), 3)).toBe('-0.001');
    expect(typeName(new Decimal(2, 10))).toMatch(/^decimal/);
  });
  it('name types as SQL does and show big integers whole', () => {
    expect(typeName(new TimestampMicrosecond('UTC'))).toBe('timestamptz');
    expect(cellText(9_007_199_254_740_993n, new Int64(), 'UTC')).toBe('9007199254740993');
    expect(cellText(null, new Utf8(), 'UTC')).toBeNull();
    expect(new Field('x', new Utf8()).name).toBe('x');
  });
});

describe('orders', () => {
  const texts = (values: (string | null)[]): Keys => {
    const pieces = values.map((text) => new TextEncoder().encode(text ?? ''));
    let filled = 0;
    return {
      kind: 'texts',
      bytes: Uint8Array.from(pieces.flatMap((piece) => [...piece])),
      ends: Int32Array.from(pieces, (piece) => (filled += piece.length)),
      there: Uint8Array.from(values, (text) => (text === null ? 0 : 1)),
    };
  };
  const points = (text: string) => Array.from(text, (letter) => letter.codePointAt(0) ?? 0);
  const before = (x: string, y: string) => {
    const [a, b] = [points(x), points(y)];
    const at = a.findIndex((point, index) => point !== b[index]);
    return at < 0 ? a.length - b.length : b[at] === undefined ? 1 : (a[at] ?? 0) - b[at];
  };
  const plain = (values: (string | null)[], sign: number) =>
    values.map((_, row) => row).sort((a, b) => {
      const [x, y] = [values[a] ?? null, values[b] ?? null];
      if (x === null || y === null) return x === y ? a - b : x === null ? 1 : -1;
      return sign * before(x, y) || a - b;
    });
  it.each([
    [['row 10', 'row 9', 'row 1', null, 'row 100', 'row 1']],
    [['', 'a', '', null, 'ab', 'a']],
    [['한글', '한', 'abc', '힣힣힣힣힣a', '힣힣힣힣힣', '😀', '\uffee']],
    [[null, null]],
    [['same prefix and then much later b', 'same prefix and then much later a']],
    [Array.from({ length: 300 }, (_, index) => `k${String((index * 7919) % 300)}${'x'.repeat(index % 14)}`)],
  ])('of texts are those of plain comparing: %#', (values) => {
    expect([...orderOf(texts(values), false)]).toEqual(plain(values, 1));
    expect([...orderOf(texts(values), true)]).toEqual(plain(values, -1));
  });
  it('of numbers put nothing last both ways', () => {
    expect([...orderOf({ kind: 'numbers', values: Float64Array.of(Number.NaN, 2, 1, 2) }, true)]).toEqual([1, 3, 2, 0]);
  });
  it('of numbers are those of plain comparing, in any size and sign', () => {
    const values = Float64Array.from({ length: 5000 }, (_, index) => (index % 2 === 0 ? 1 : -1) * ((index * 7919) % 977) * 10 ** ((index % 40) - 20));
    values.set([Infinity, -Infinity, 0, -0, Number.MIN_VALUE]);
    const rows = [...values.keys()];
    const up = rows.toSorted((a, b) => (values[a] ?? 0) - (values[b] ?? 0) || a - b);
    const down = rows.toSorted((a, b) => (values[b] ?? 0) - (values[a] ?? 0) || a - b);
    expect([...orderOf({ kind: 'numbers', values }, false)]).toEqual(up);
    expect([...orderOf({ kind: 'numbers', values }, true)]).toEqual(down);
  });
  it('of integers tell those apart that a double cannot', () => {
    const values = BigInt64Array.of(9_007_199_254_740_993n, 9_007_199_254_740_992n, 0n, -1n);
    expect([...orderOf({ kind: 'integers', values, there: Uint8Array.of(1, 1, 0, 1) }, false)]).toEqual([3, 1, 0, 2]);
  });
});

describe('results', () => {
  const table = tableFromArrays({ n: Float64Array.of(3, 1, Number.NaN, 2), s: ['c', 'a', null, 'b'] });
  const result = new ResultSet(table.schema, table.batches);
  it('sort by any column, nothing last', () => {
    expect([...orderNow(result, { column: 0, descending: false })]).toEqual([1, 3, 0, 2]);
    expect([...orderNow(result, { column: 0, descending: true })]).toEqual([0, 3, 1, 2]);
    expect([...orderNow(result, { column: 1, descending: true })]).toEqual([0, 3, 1, 2]);
  });
  it('sort over batches, nulls and whole numbers included', () => {
    const one = (n: (bigint | null)[], s: (string | null)[]) =>
      new Table({ n: vectorFromArray(n, new Int64()), s: vectorFromArray(s, new Utf8()), l: vectorFromArray(s, new LargeUtf8()), m: vectorFromArray(n.map((value) => value !== null && [value]), new List(new Field('item', new Int64()))) });
    const first = one([2n, null, 1n], ['나', null, 'b']);
    const second = one([9_007_199_254_740_993n, 9_007_199_254_740_992n], ['a', '']);
    const both = new ResultSet(first.schema, [...first.batches, ...second.batches]);
    expect([...orderNow(both, { column: 0, descending: false })]).toEqual([2, 0, 4, 3, 1]);
    expect([...orderNow(both, { column: 1, descending: false })]).toEqual([4, 3, 2, 0, 1]);
    expect([...orderNow(both, { column: 2, descending: true })]).toEqual([0, 2, 3, 4, 1]);
    expect(orderNow(both, { column: 3, descending: false })).toHaveLength(5);
  });
  it('are drawn by themselves', () => {
    const choice = autoChart(result.columns);
    expect(choice).toEqual({ type: 'bar', x: 's', y: ['n'], by: null });
    expect(fittingChart({ x: 'gone' }, result.columns)).toEqual(choice);
    const data = choice && chartData(result, choice, 'UTC');
    expect(data?.series[0]?.points[0]).toEqual(['c', 3]);
  });
  it('are copied as spreadsheets take them', () => {
    const grid = { heads: ['n', 's'], text: (row: number, column: number) => result.text(row, column, 'UTC') };
    expect(tabSeparated(rangeOf({ row: 1, column: 1 }, { row: 0, column: 0 }), grid)).toBe('n\ts\n3\tc\n1\ta');
    expect(tabSeparated(rangeOf({ row: 1, column: 1 }, { row: 1, column: 1 }), grid)).toBe('a');
  });
});

describe('the grid', () => {
  const extent = { total: 26_000_044, view: 500 };
  it('reaches the first and the last row of a million', () => {
    expect(barHeight(extent)).toBe(TALLEST);
    const end = scrolled({ bar: 0, top: 0 }, TALLEST - 500, extent);
    expect(end.top).toBe(extent.total - 500);
    expect(scrolled(end, 0, extent).top).toBe(0);
  });
  it('moves by pixels under the wheel and by shares under the bar', () => {
    expect(scrolled({ bar: 1000, top: 90_000 }, 1100, extent).top).toBe(90_100);
    expect(scrolled({ bar: 0, top: 0 }, (TALLEST - 500) / 2, extent).top).toBeCloseTo((extent.total - 500) / 2);
    expect(scrolled({ bar: 0, top: 0 }, barFor(1_000_000, extent), extent).top).toBeCloseTo(1_000_000);
  });
  it('draws only the columns that are seen', () => {
    expect(columnWindow([0, 100, 200, 300], 120, 180)).toEqual([1, 2]);
    expect(columnWindow([0, 100, 200, 300], -100, 1000)).toEqual([0, 3]);
    expect(columnWindow([0], 0, 100)).toEqual([0, 0]);
  });
  it('moves by keys and stays inside', () => {
    const grid = { rows: 10, columns: 3, page: 4 };
    expect(moved({ row: 0, column: 0 }, 'ArrowUp', false, grid)).toEqual({ row: 0, column: 0 });
    expect(moved({ row: 0, column: 0 }, 'End', true, grid)).toEqual({ row: 9, column: 2 });
    expect(moved({ row: 2, column: 1 }, 'PageDown', false, grid)).toEqual({ row: 6, column: 1 });
    expect(moved({ row: 0, column: 0 }, 'x', false, grid)).toBeNull();
  });
});
