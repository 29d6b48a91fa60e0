import { Button, Switch, TextInput } from '@mantine/core';
import { IconAntennaBars5, IconPlayerPause, IconPlayerPlay, IconSearch } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useCallback, useMemo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';

import { recordsQuery } from '@/api/queries';
import type { StreamRecord } from '@/api/types';
import { CodeBlock } from '@/components/CodeBlock';
import { Mark } from '@/components/Mark';
import { Panel } from '@/components/Panel';
import { EmptyState, ErrorState, SkeletonRows } from '@/components/states';
import { useNow } from '@/components/now';
import { Ago, Counted } from '@/components/Values';
import { useFormat } from '@/i18n/useFormat';

import { LineHead, RecordLine } from './RecordLine';
import { matches } from './recordText';
import classes from './Streams.module.css';
import { useTail } from './useTail';

const QUIET_MS = 15_000;
const idOf = (record: StreamRecord) => `${String(record.partition)}/${String(record.offset)}`;

/** Nothing comes: when the last one did. A few seconds without records are nothing to speak of. */
function Quiet({ at }: { at: string }) {
  const { t } = useTranslation();
  const now = useNow();
  if (now - Date.parse(at) < QUIET_MS) return null;
  return <>{t('streams.lastCame')} <Ago at={at} /> · </>;
}

/** The newest records, live: pause, filter, open one to see it whole. */
export function Tail({ stream }: { stream: string }) {
  const { t } = useTranslation();
  const format = useFormat();
  const [paused, setPaused] = useState(false);
  const [raw, setRaw] = useState(false);
  const [filter, setFilter] = useState('');
  const [open, setOpen] = useState<string | null>(null);
  const first = useQuery({ ...recordsQuery(stream, 100), staleTime: Infinity });
  const { records, state, dropped, waiting } = useTail(stream, first.data, paused);
  const shown = useMemo(
    () => (filter.trim() === '' ? records : records.filter(({ value, key }) => matches(filter, value, key))),
    [records, filter],
  );
  const newest = records[0];
  const box = useRef<HTMLDivElement>(null);
  // The list measures its own lines; the compiler's memoization must not hold on to it.
  // eslint-disable-next-line react-hooks/incompatible-library
  const virtual = useVirtualizer({
    count: shown.length,
    getScrollElement: () => box.current,
    estimateSize: () => 25,
    getItemKey: (index) => {
      const record = shown[index];
      return record ? idOf(record) : index;
    },
    overscan: 12,
  });
  // Reading one record stops the rest from pushing it away.
  const toggle = useCallback((record: StreamRecord) => {
    setOpen((old) => (old === idOf(record) ? null : idOf(record)));
    setPaused(true);
  }, []);

  if (first.error !== null && records.length === 0) return <ErrorState error={first.error} onRetry={() => void first.refetch()} />;
  return (
    <Panel flush>
      <div className={classes.tailBar}>
        <TextInput size="xs" value={filter} onChange={(event) => setFilter(event.currentTarget.value)} placeholder={t('streams.filterRecords')} aria-label={t('streams.filterRecords')} leftSection={<IconSearch size={13} />} />
        <Button variant="default" leftSection={paused ? <IconPlayerPlay size={14} /> : <IconPlayerPause size={14} />} onClick={() => setPaused(!paused)}>
          {paused ? t('streams.resume') : t('streams.pause')}
        </Button>
        <Switch size="xs" label={t('streams.raw')} checked={raw} onChange={(event) => setRaw(event.currentTarget.checked)} />
        <span className={classes.tailNote} role="status">
          {newest && state === 'live' && !paused && <Quiet at={newest.ts} />}
          {dropped > 0 && <>{t('streams.dropped', { n: format.exact(dropped) })} · </>}
          {paused && waiting > 0 ? (
            <Counted what="unit.nWaiting" value={waiting} />
          ) : (
            <Mark tone={paused ? 'none' : state === 'live' ? 'good' : state === 'lost' ? 'warn' : 'busy'}>
              {paused ? t('streams.paused') : t(`streams.${state}`)}
            </Mark>
          )}
        </span>
      </div>
      {records.length === 0 ? (
        first.isPending ? (
          <SkeletonRows rows={12} height={25} />
        ) : (
          <EmptyState icon={<IconAntennaBars5 size={28} stroke={1.4} />} title={t('streams.noRecords')} hint={t('streams.noRecordsHint')}>
            <CodeBlock code={`curl ${window.location.origin}/ingest/${stream} -H 'Authorization: Bearer <token>' \\\n  -H 'Content-Type: application/x-ndjson' -d '{"hello": "world"}'`} />
          </EmptyState>
        )
      ) : shown.length === 0 ? (
        <EmptyState title={t('part.noMatch')} hint={t('streams.filterHint', { n: format.exact(records.length) })} />
      ) : (
        <>
        <LineHead />
        <div ref={box} className={classes.lines} tabIndex={0} role="log" aria-label={t('streams.tail')} aria-live="off">
          <div style={{ height: virtual.getTotalSize(), position: 'relative' }}>
            {virtual.getVirtualItems().map((item) => {
              const record = shown[item.index];
              if (!record) return null;
              return (
                <div key={item.key} ref={virtual.measureElement} data-index={item.index} style={{ position: 'absolute', left: 0, right: 0, top: 0, transform: `translateY(${String(item.start)}px)` }}>
                  <RecordLine record={record} open={open === idOf(record)} raw={raw} onToggle={toggle} />
                </div>
              );
            })}
          </div>
        </div>
        </>
      )}
    </Panel>
  );
}
