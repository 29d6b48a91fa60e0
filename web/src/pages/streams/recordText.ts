import type { Encoding } from '@/api/types';

/** A run of text, or of bytes that are none, written as `<FF><00>`. */
export type Part = { text: string; bad: boolean };

function bytesOf(base64: string): Uint8Array | null {
  try {
    return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  } catch {
    return null;
  }
}

/** Length of the UTF-8 letter that begins at `at`; 0 where none does, or where one cannot see it. */
function letterLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at] ?? 0;
  if (first < 0x80) return first === 9 || first === 10 || first === 13 || (first >= 32 && first !== 127) ? 1 : 0;
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
  if (length === 0 || first > 0xf4 || at + length > bytes.length) return 0;
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(at, at + length));
    return length;
  } catch {
    return 0;
  }
}

/** Bytes as the text that they nearly are: what is no letter is marked byte by byte. */
export function textParts(base64: string, most = 64 * 1024): Part[] {
  const bytes = bytesOf(base64)?.subarray(0, most);
  if (!bytes) return [{ text: base64, bad: false }];
  const parts: Part[] = [];
  const decoder = new TextDecoder();
  let start = 0;
  let at = 0;
  const flush = () => {
    if (at > start) parts.push({ text: decoder.decode(bytes.subarray(start, at)), bad: false });
  };
  while (at < bytes.length) {
    const length = letterLength(bytes, at);
    if (length > 0) {
      at += length;
      continue;
    }
    flush();
    let marks = '';
    while (at < bytes.length && letterLength(bytes, at) === 0) {
      marks += `<${(bytes[at] ?? 0).toString(16).padStart(2, '0').toUpperCase()}>`;
      at += 1;
    }
    parts.push({ text: marks, bad: true });
    start = at;
  }
  flush();
  return parts;
}

/** Bytes as a hex dump of sixteen a line. */
export function hexDump(base64: string, most = 4096): string {
  const bytes = bytesOf(base64);
  if (!bytes) return base64;
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
export function oneLine(value: string, encoding: Encoding): Part[] {
  if (encoding === 'base64') return textParts(value, 600).map(({ text, bad }) => ({ text: text.replace(/\s+/g, ' '), bad }));
  return [{ text: value.slice(0, 600).replace(/\s+/g, ' '), bad: false }];
}

/** A value in full: JSON laid out, bytes with what is no text marked, everything else as it is. */
export function laidOut(value: string, encoding: Encoding): Part[] {
  return encoding === 'base64' ? textParts(value) : [{ text: laidOutText(value), bad: false }];
}

function laidOutText(value: string): string {
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
