import { deflateSync, inflateSync, strFromU8, strToU8 } from 'fflate';

/** What a link to a query holds. */
export type Shared = { sql: string; params?: Record<string, string>; chart?: Record<string, unknown> };

/** Longer links break in mail programs and proxies before they break here. */
const LONGEST = 32_000;

/** Deflated JSON in base64url; null where the query is too long for a link. */
export function encodeShared(shared: Shared): string | null {
  const bytes = deflateSync(strToU8(JSON.stringify(shared)), { level: 9 });
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  const text = btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
  return text.length > LONGEST ? null : text;
}

/** The query of a link; null if the link is broken. */
export function decodeShared(text: string): Shared | null {
  if (text.length > LONGEST) return null;
  try {
    const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
    const bytes = Uint8Array.from(binary, (letter) => letter.charCodeAt(0));
    const value = JSON.parse(strFromU8(inflateSync(bytes))) as Partial<Shared> | null;
    if (typeof value?.sql !== 'string') return null;
    const params = Object.entries(value.params ?? {}).filter(([, v]) => typeof v === 'string');
    return {
      sql: value.sql,
      ...(params.length > 0 ? { params: Object.fromEntries(params) } : {}),
      ...(typeof value.chart === 'object' ? { chart: value.chart } : {}),
    };
  } catch {
    return null;
  }
}
