import { Skeleton, Tooltip } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { change } from '@/api/client';
import { Panel } from '@/components/Panel';
import { ErrorState } from '@/components/states';
import { Counted } from '@/components/Values';
import { DEFAULT_RANGE, parseRange, spanWords } from '@/i18n/range';
import { useFormat } from '@/i18n/useFormat';

import { type Bucket, chosenRange, fillBuckets, stepSeconds } from './buckets';
import classes from './Tables.module.css';

type Answer = { rows: [number | string, number | string][] };

async function countRows(table: string, text: string): Promise<Bucket[]> {
  const now = Date.now();
  const range = parseRange(text, now) ?? parseRange(DEFAULT_RANGE, now);
  if (!range) return [];
  const step = stepSeconds(range);
  const answer = await change<Answer>('POST', '/api/sql?format=json', {
    // Marked, so that the history of queries can leave the page's own out.
    sql: `/* ui */ SELECT floor(epoch(_time) / ${String(step)})::BIGINT AS bucket, count(*) AS n FROM ${table}
WHERE _time >= $start::TIMESTAMPTZ AND _time < $stop::TIMESTAMPTZ GROUP BY 1 ORDER BY 1`,
    params: { start: new Date(range.startMs).toISOString(), stop: new Date(range.endMs).toISOString() },
    timeout_s: 20,
  });
  return fillBuckets(answer.rows, range, step);
}

/** When the table's rows happened, over the page's time range; it counts what is still in the stream too. */
export function RowsOverTime({ table, range }: { table: string; range: string | undefined }) {
  const { t } = useTranslation();
  const format = useFormat();
  const navigate = useNavigate();
  const [drag, setDrag] = useState<{ from: number; to: number } | null>(null);
  const text = range ?? DEFAULT_RANGE;
  const counts = useQuery({
    queryKey: ['rows-over-time', table, text],
    queryFn: () => countRows(table, text),
    refetchInterval: 15_000,
    placeholderData: (old) => old,
    retry: false,
  });
  const buckets = counts.data ?? [];
  const most = Math.max(1, ...buckets.map(({ rows }) => rows));
  const total = buckets.reduce((sum, { rows }) => sum + rows, 0);
  // Dragging over bars makes their time the page's range; the range at the top leads back.
  const pick = () => {
    const range = drag && chosenRange(buckets, drag.from, drag.to);
    setDrag(null);
    if (range) void navigate({ to: '.', search: (old) => ({ ...old, t: range }) });
  };
  const [first, second, last] = [buckets[0], buckets[1], buckets.at(-1)];
  const ends = [first?.startMs, last && first && second && last.startMs + second.startMs - first.startMs];
  return (
    <Panel title={t('tables.overTime')} note={counts.data && <>{text.includes('~') ? '' : `${t('time.last', { span: spanWords(text, format.language) })} · `}<Counted what="unit.nRows" value={total} /></>} flush>
      {counts.error !== null && !counts.data ? (
        <div style={{ padding: 12 }}><ErrorState error={counts.error} onRetry={() => void counts.refetch()} /></div>
      ) : (
        <div className={classes.histogram}>
          {counts.data && total === 0 ? (
            <div className={classes.none}>{t('tables.noneInRange')}</div>
          ) : counts.data ? (
            <div className={classes.bars} role="img" aria-label={t('tables.overTimeLabel', { total: format.exact(total) })} onPointerLeave={() => setDrag(null)} onPointerUp={pick}>
              {buckets.map(({ startMs, rows }, index) => (
                <Tooltip key={startMs} label={`${format.time(startMs)} · ${format.exact(rows)}`} openDelay={0} transitionProps={{ duration: 0 }}>
                  <div
                    className={classes.slot}
                    data-chosen={drag !== null && index >= Math.min(drag.from, drag.to) && index <= Math.max(drag.from, drag.to)}
                    onPointerDown={(event) => {
                      event.currentTarget.releasePointerCapture(event.pointerId);
                      setDrag({ from: index, to: index });
                    }}
                    onPointerEnter={() => setDrag((old) => old && { ...old, to: index })}
                  >
                    <div className={classes.bar} data-empty={rows === 0} style={{ height: `${String(Math.max(2, (100 * rows) / most))}%` }} />
                  </div>
                </Tooltip>
              ))}
            </div>
          ) : (
            <Skeleton height={72} />
          )}
          <div className={classes.axis}>
            {ends.map((ms, index) => (
              <span key={index}>{ms === undefined ? '\u00a0' : format.time(ms).slice(0, 16)}</span>
            )).toSpliced(1, 0, <span key="hint" className={classes.dragHint}>{total > 0 ? t('tables.dragHint') : ''}</span>)}
          </div>
        </div>
      )}
    </Panel>
  );
}
