import { DataType, type Field, TimeUnit } from 'apache-arrow';

import { offsetMinutes } from '@/i18n/time';

/** What a column holds, as far as showing, sorting and drawing it goes. */
export type Kind = 'number' | 'integer' | 'boolean' | 'text' | 'instant' | 'local' | 'date' | 'time' | 'binary' | 'nested';

export function kindOf(type: DataType): Kind {
  if (DataType.isDictionary(type)) return kindOf(type.dictionary);
  if (DataType.isInt(type)) return 'integer';
  if (DataType.isFloat(type) || DataType.isDecimal(type)) return 'number';
  if (DataType.isBool(type)) return 'boolean';
  if (DataType.isTimestamp(type)) return type.timezone ? 'instant' : 'local';
  if (DataType.isDate(type)) return 'date';
  if (DataType.isTime(type)) return 'time';
  if (DataType.isBinary(type) || DataType.isLargeBinary(type) || DataType.isFixedSizeBinary(type)) return 'binary';
  if (
    DataType.isList(type) || DataType.isFixedSizeList(type) || DataType.isStruct(type) ||
    DataType.isMap(type) || DataType.isUnion(type)
  ) return 'nested';
  return 'text';
}

/** The type as SQL people know it. */
export function typeName(type: DataType): string {
  if (DataType.isDictionary(type)) return typeName(type.dictionary);
  if (DataType.isInt(type)) {
    const names: Record<number, string> = { 8: 'tinyint', 16: 'smallint', 32: 'integer', 64: 'bigint' };
    return (type.isSigned ? '' : 'u') + (names[type.bitWidth] ?? 'integer');
  }
  if (DataType.isFloat(type)) return type.precision === 2 ? 'double' : 'float';
  if (DataType.isDecimal(type)) return `decimal(${String(type.precision)},${String(type.scale)})`;
  if (DataType.isBool(type)) return 'boolean';
  if (DataType.isTimestamp(type)) return type.timezone ? 'timestamptz' : 'timestamp';
  if (DataType.isDate(type)) return 'date';
  if (DataType.isTime(type)) return 'time';
  if (DataType.isUtf8(type) || DataType.isLargeUtf8(type)) return 'varchar';
  if (DataType.isStruct(type)) return 'struct';
  if (DataType.isList(type)) return `${typeName((type.children[0] as Field).type)}[]`;
  if (DataType.isMap(type)) return 'map';
  if (kindOf(type) === 'binary') return 'blob';
  return type.toString().toLowerCase();
}

/** An unscaled decimal in its little-endian words, as text: exact at any width. */
export function decimalText(words: Uint32Array, scale: number): string {
  let value = 0n;
  for (let index = words.length - 1; index >= 0; index -= 1) value = (value << 32n) | BigInt(words[index] ?? 0);
  const bits = BigInt(words.length * 32);
  if (value >> (bits - 1n)) value -= 1n << bits;
  const digits = (value < 0n ? -value : value).toString().padStart(scale + 1, '0');
  const sign = value < 0n ? '-' : '';
  return scale === 0 ? sign + digits : `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

const two = (value: number) => String(value).padStart(2, '0');

/** Milliseconds (with a fraction) as `2026-11-21 17:08:44.123456`; zeros at the end are left out. */
export function timestampText(ms: number, zone: string | null): string {
  if (!Number.isFinite(ms)) return String(ms);
  const shift = zone === null || zone === 'UTC' ? 0 : offsetMinutes(ms, zone) * 60_000;
  const whole = Math.floor(ms);
  const at = new Date(whole + shift);
  if (Number.isNaN(at.getTime())) return String(ms);
  const micros = Math.min(999, Math.round((ms - whole) * 1000));
  const year = at.getUTCFullYear();
  const date = `${year < 0 ? '-' : ''}${String(Math.abs(year)).padStart(4, '0')}-${two(at.getUTCMonth() + 1)}-${two(at.getUTCDate())}`;
  const time = `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())}`;
  const fraction = `${String(at.getUTCMilliseconds()).padStart(3, '0')}${String(micros).padStart(3, '0')}`.replace(/0+$/, '');
  return fraction === '' ? `${date} ${time}` : `${date} ${time}.${fraction}`;
}

function timeText(value: number | bigint, unit: TimeUnit): string {
  const micros = Number(value) * ([1e6, 1e3, 1, 1e-3][unit] ?? 1);
  return timestampText(micros / 1000, null).slice(11);
}

function hex(bytes: Uint8Array): string {
  const shown = Array.from(bytes.subarray(0, 64), (byte) => byte.toString(16).padStart(2, '0')).join('');
  return `\\x${shown}${bytes.length > 64 ? '…' : ''}`;
}

function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
  if (value instanceof Uint8Array) return hex(value);
  if (value instanceof Map) return Object.fromEntries([...value].map(([k, v]) => [String(k), plain(v)]));
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<unknown>, plain);
  if (typeof value === 'object' && value !== null) {
    // Rows and vectors of Arrow know their own shape.
    const own = 'toJSON' in value && typeof value.toJSON === 'function' ? (value.toJSON as () => unknown)() : value;
    if (Array.isArray(own)) return own.map(plain);
    if (own instanceof Date) return own.toISOString();
    return Object.fromEntries(Object.entries(own as object).map(([k, v]) => [k, plain(v)]));
  }
  return value;
}

/** A value as text; null for SQL's NULL. `pretty` breaks nested values into lines. */
export function cellText(value: unknown, type: DataType, zone: string, pretty = false): string | null {
  if (value === null || value === undefined) return null;
  if (DataType.isDictionary(type)) return cellText(value, type.dictionary, zone, pretty);
  if (DataType.isDecimal(type)) return decimalText(value as Uint32Array, type.scale);
  if (DataType.isTimestamp(type)) return timestampText(value as number, type.timezone ? zone : null);
  if (DataType.isDate(type)) return timestampText(Number(value), null).slice(0, 10);
  if (DataType.isTime(type)) return timeText(value as number | bigint, type.unit);
  if (value instanceof Uint8Array) return hex(value);
  if (typeof value === 'object') return JSON.stringify(plain(value), null, pretty ? 2 : 0);
  return String(value as string | number | boolean | bigint);
}

/** A value for sorting and drawing: a number where there is one. */
export function cellNumber(value: unknown, type: DataType): number | null {
  if (value === null || value === undefined) return null;
  if (DataType.isDecimal(type)) return Number(decimalText(value as Uint32Array, type.scale));
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint' || typeof value === 'boolean') return Number(value);
  return null;
}
