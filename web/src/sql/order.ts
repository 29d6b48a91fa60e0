/** Row numbers by value: nothing last, equal rows in their own order. */

/** NaN stands for nothing. */
export function orderNumbers(keys: Float64Array, descending: boolean): Int32Array {
  const sign = descending ? -1 : 1;
  return rowNumbers(keys.length).sort((a, b) => {
    const x = keys[a] ?? Number.NaN;
    const y = keys[b] ?? Number.NaN;
    if (x < y) return -sign;
    if (x > y) return sign;
    if (Number.isNaN(x) !== Number.isNaN(y)) return Number.isNaN(x) ? 1 : -1;
    return a - b;
  });
}

export function orderTexts(texts: readonly (string | null)[], descending: boolean): Int32Array {
  const keys = textKeys(texts);
  const sign = descending ? -1 : 1;
  return rowNumbers(texts.length).sort((a, b) => {
    const x = keys[a] ?? Number.NaN;
    const y = keys[b] ?? Number.NaN;
    if (x < y) return -sign;
    if (x > y) return sign;
    if (Number.isNaN(x) !== Number.isNaN(y)) return Number.isNaN(x) ? 1 : -1;
    const [one, other] = [texts[a] ?? '', texts[b] ?? ''];
    return one === other ? a - b : one < other ? -sign : sign;
  });
}

function rowNumbers(count: number): Int32Array {
  const rows = new Int32Array(count);
  for (let row = 0; row < count; row += 1) rows[row] = row;
  return rows;
}

/** Where the texts first differ. */
function commonPrefix(texts: readonly (string | null)[]): number {
  let first: string | null = null;
  let length = 0;
  for (const text of texts) {
    if (text === null) continue;
    if (first === null) {
      first = text;
      length = text.length;
      continue;
    }
    let same = 0;
    while (same < length && text.charCodeAt(same) === first.charCodeAt(same)) same += 1;
    length = same;
  }
  return length;
}

/**
 * The first letters behind the common prefix as one number that sorts as they do: comparing numbers is
 * several times faster than comparing texts. Equal numbers say nothing; NaN stands for nothing.
 */
function textKeys(texts: readonly (string | null)[]): Float64Array {
  const from = commonPrefix(texts);
  const window = 10;
  let widest = 1;
  for (const text of texts) {
    for (let at = from; text !== null && at < Math.min(text.length, from + window); at += 1) {
      widest = Math.max(widest, text.charCodeAt(at));
    }
  }
  // One more for the end of a text, which comes before every letter.
  const base = widest + 2;
  const letters = Math.min(window, Math.floor(Math.log(Number.MAX_SAFE_INTEGER) / Math.log(base)));
  return Float64Array.from(texts, (text) => {
    if (text === null) return Number.NaN;
    let key = 0;
    for (let at = from; at < from + letters; at += 1) key = key * base + (at < text.length ? text.charCodeAt(at) + 1 : 0);
    return key;
  });
}
