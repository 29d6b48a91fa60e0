import type { Encoding } from '@/api/types';

/** Bytes that are no text, as a hex dump of sixteen a line. */
export function hexDump(base64: string, most = 1024): string {
  let bytes: Uint8Array;
  try {
    bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  } catch {
    return base64;
  }
  const lines: string[] = [];
  for (let at = 0; at < Math.min(bytes.length, most); at += 16) {
    const row = bytes.subarray(at, Math.min(at + 16, most));
    const hex = Array.from(row, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const text = Array.from(row, (byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : '·')).join('');
    lines.push(`${at.toString(16).padStart(6, '0')}  ${hex.padEnd(47)}  ${text}`);
  }
  if (bytes.length > most) lines.push(`… ${String(bytes.length - most)}`);
  return lines.join('\n');
}

/** A value in a line. */
export function oneLine(value: string, encoding: Encoding): string {
  if (encoding === 'base64') {
    try {
      return `\\x${Array.from(atob(value).slice(0, 64), (letter) => letter.charCodeAt(0).toString(16).padStart(2, '0')).join('')}`;
    } catch {
      return value;
    }
  }
  return value.slice(0, 600).replace(/\s+/g, ' ');
}

/** A value in full: JSON laid out, bytes as hex, everything else as it is. */
export function laidOut(value: string, encoding: Encoding): string {
  if (encoding === 'base64') return hexDump(value);
  // Numbers beyond 2^53 would be changed by a parse: those stay as they came.
  if (!/^\s*[[{]/.test(value) || /(?<![\w".])\d{16,}/.test(value)) return value;
  try {
    return JSON.stringify(JSON.parse(value), null, 2);
  } catch {
    return value;
  }
}

export function matches(text: string, value: string, key: string | null): boolean {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const where = `${key ?? ''} ${value}`.toLowerCase();
  return words.every((word) => where.includes(word));
}
