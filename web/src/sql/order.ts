/** Row numbers by value: nothing last, equal rows in their own order. */

/** What a column is sorted by, in plain arrays, so that a worker can take it over. */
export type Keys =
  /** NaN stands for nothing. */
  | { kind: 'numbers'; values: Float64Array<ArrayBuffer> }
  /** Whole numbers that a double cannot tell apart; 0 in `there` stands for nothing. */
  | { kind: 'integers'; values: BigInt64Array<ArrayBuffer>; there: Uint8Array<ArrayBuffer> }
  /** UTF-8, one text behind the other, `ends` behind each; 0 in `there` stands for nothing. */
  | { kind: 'texts'; bytes: Uint8Array<ArrayBuffer>; ends: Int32Array<ArrayBuffer>; there: Uint8Array<ArrayBuffer> };

export function orderOf(keys: Keys, descending: boolean): Int32Array<ArrayBuffer> {
  switch (keys.kind) {
    case 'numbers':
      return sorted(keys.values, descending);
    case 'integers': {
      const { values, there } = keys;
      const rough = Float64Array.from(values, (value, row) => (there[row] ? Number(value) : Number.NaN));
      return sorted(rough, descending, (a, b) => {
        const [x, y] = [values[a] ?? 0n, values[b] ?? 0n];
        return x < y ? -1 : x > y ? 1 : 0;
      });
    }
    case 'texts':
      return sorted(textKeys(keys), descending, (a, b) => compareTexts(keys, a, b));
  }
}

/** By the rough key first; `compare` tells those apart that it holds for equal. */
function sorted(rough: Float64Array<ArrayBuffer>, descending: boolean, compare?: (a: number, b: number) => number): Int32Array<ArrayBuffer> {
  const rows = new Int32Array(rough.length);
  let filled = 0;
  for (let row = 0; row < rough.length; row += 1) if (!Number.isNaN(rough[row])) rows[filled++] = row;
  let nothing = filled;
  for (let row = 0; nothing < rough.length; row += 1) if (Number.isNaN(rough[row])) rows[nothing++] = row;
  const order = rows.subarray(0, filled);
  const [low, high] = bitKeys(rough, descending);
  byDigits(order, low, high);
  if (compare) sortTies(order, (a, b) => low[a] === low[b] && high[a] === high[b], (a, b) => (descending ? compare(b, a) : compare(a, b)) || a - b);
  return rows;
}

/** Doubles as two halves of whole numbers that sort as they do. */
function bitKeys(values: Float64Array<ArrayBuffer>, descending: boolean): [Uint32Array, Uint32Array] {
  const low = new Uint32Array(values.length);
  const high = new Uint32Array(values.length);
  const one = new Float64Array(1);
  const [first, second] = [new Uint32Array(one.buffer, 0, 1), new Uint32Array(one.buffer, 4, 1)];
  for (let row = 0; row < values.length; row += 1) {
    // Minus zero is zero.
    one[0] = (values[row] ?? 0) + 0;
    const top = second[0] ?? 0;
    const flip = (top >>> 31 === 1) !== descending ? 0xffffffff : 0;
    low[row] = (first[0] ?? 0) ^ flip;
    high[row] = top ^ flip ^ ((top >>> 31) === 1 ? 0 : 0x80000000);
  }
  return [low, high];
}

/** Puts rows in the order of their keys, sixteen bits at a time; equal ones stay in theirs. Ten times as fast as comparing. */
function byDigits(rows: Int32Array<ArrayBuffer>, low: Uint32Array, high: Uint32Array): void {
  let from = rows;
  let to = new Int32Array(rows.length);
  const counts = new Uint32Array(65_537);
  for (const [keys, shift] of [[low, 0], [low, 16], [high, 0], [high, 16]] as const) {
    counts.fill(0);
    for (const row of from) {
      const digit = ((keys[row] ?? 0) >>> shift) & 0xffff;
      counts[digit + 1] = (counts[digit + 1] ?? 0) + 1;
    }
    for (let digit = 1; digit < counts.length; digit += 1) counts[digit] = (counts[digit] ?? 0) + (counts[digit - 1] ?? 0);
    for (const row of from) {
      const digit = ((keys[row] ?? 0) >>> shift) & 0xffff;
      const place = counts[digit] ?? 0;
      to[place] = row;
      counts[digit] = place + 1;
    }
    [from, to] = [to, from];
  }
}

function sortTies(order: Int32Array, same: (a: number, b: number) => boolean, compare: (a: number, b: number) => number): void {
  let start = 0;
  for (let at = 1; at <= order.length; at += 1) {
    if (at < order.length && same(order[start] ?? 0, order[at] ?? 0)) continue;
    if (at - start > 1) order.subarray(start, at).sort(compare);
    start = at;
  }
}

type Texts = Extract<Keys, { kind: 'texts' }>;

const startOf = ({ ends }: Texts, row: number) => (row === 0 ? 0 : (ends[row - 1] ?? 0));

function compareTexts(keys: Texts, a: number, b: number): number {
  const { bytes, ends } = keys;
  let x = startOf(keys, a);
  let y = startOf(keys, b);
  const xEnd = ends[a] ?? 0;
  const yEnd = ends[b] ?? 0;
  while (x < xEnd && y < yEnd) {
    const difference = (bytes[x] ?? 0) - (bytes[y] ?? 0);
    if (difference !== 0) return difference;
    x += 1;
    y += 1;
  }
  return xEnd - x - (yEnd - y);
}

/** How many first bytes all texts share. */
function commonPrefix(keys: Texts): number {
  const { bytes, ends, there } = keys;
  let first = -1;
  let length = 0;
  for (let row = 0; row < ends.length; row += 1) {
    if (!there[row]) continue;
    const start = startOf(keys, row);
    const own = (ends[row] ?? 0) - start;
    if (first < 0) {
      first = start;
      length = own;
      continue;
    }
    let same = 0;
    while (same < length && same < own && bytes[start + same] === bytes[first + same]) same += 1;
    length = same;
  }
  return length;
}

/**
 * The first bytes behind the common prefix as one number that sorts as they do: comparing numbers is
 * several times faster than comparing texts. Equal numbers say nothing; NaN stands for nothing.
 */
function textKeys(keys: Texts): Float64Array<ArrayBuffer> {
  const { bytes, ends, there } = keys;
  const skip = commonPrefix(keys);
  const window = 10;
  let least = 255;
  let most = 0;
  for (let row = 0; row < ends.length; row += 1) {
    const start = startOf(keys, row) + skip;
    for (let at = start; at < Math.min(ends[row] ?? 0, start + window); at += 1) {
      const byte = bytes[at] ?? 0;
      if (byte < least) least = byte;
      if (byte > most) most = byte;
    }
  }
  // One more for the end of a text, which comes before every letter.
  const base = Math.max(2, most - least + 2);
  const letters = Math.min(window, Math.floor(Math.log(Number.MAX_SAFE_INTEGER) / Math.log(base)));
  const rough = new Float64Array(ends.length);
  for (let row = 0; row < ends.length; row += 1) {
    if (!there[row]) {
      rough[row] = Number.NaN;
      continue;
    }
    const start = startOf(keys, row) + skip;
    const end = ends[row] ?? 0;
    let key = 0;
    for (let at = start; at < start + letters; at += 1) key = key * base + (at < end ? (bytes[at] ?? 0) - least + 1 : 0);
    rough[row] = key;
  }
  return rough;
}
