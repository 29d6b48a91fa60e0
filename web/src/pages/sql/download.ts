import { send } from '@/api/client';
import type { Bound } from '@/sql/params';

export const FORMATS = [
  { format: 'csv', suffix: 'csv' },
  { format: 'parquet', suffix: 'parquet' },
  { format: 'json', suffix: 'json' },
  { format: 'ndjson', suffix: 'ndjson' },
  { format: 'arrow', suffix: 'arrows' },
] as const;
export type Format = (typeof FORMATS)[number];

/** Runs the query again on the server, without the screen's row limit, into a file. */
export async function download({ format, suffix }: Format, sql: string, params: Bound, signal: AbortSignal): Promise<void> {
  const response = await send(`/api/sql?format=${format}`, {
    method: 'POST',
    accept: '*/*',
    signal,
    body: { sql, ...(Object.keys(params).length > 0 ? { params } : {}) },
  });
  const url = URL.createObjectURL(await response.blob());
  const anchor = document.createElement('a');
  anchor.href = url;
  anchor.download = `madang-${new Date().toISOString().slice(0, 19).replaceAll(':', '')}.${suffix}`;
  document.body.append(anchor);
  anchor.click();
  anchor.remove();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
