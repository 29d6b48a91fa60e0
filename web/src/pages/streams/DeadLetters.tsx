import { Button } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconMailCheck, IconRepeat } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { change, toErrorBody } from '@/api/client';
import { deadLettersQuery, deadReasonsQuery, useMayEdit } from '@/api/queries';
import type { DeadLetter, DeadReason, Replay } from '@/api/types';
import { Panel } from '@/components/Panel';
import { EmptyState, SkeletonRows, WhenLoaded } from '@/components/states';
import { Ago, Count } from '@/components/Values';
import { useFormat } from '@/i18n/useFormat';
import { Dialog } from '@/components/Dialog';

import { RecordLine } from './RecordLine';
import classes from './Streams.module.css';

const STEP = 100;

function Reasons({ reasons, chosen, onChoose }: { reasons: DeadReason[]; chosen: string | null; onChoose: (code: string | null) => void }) {
  const most = Math.max(1, ...reasons.map(({ count }) => count));
  return (
    <div className={classes.reasons}>
      {reasons.map((reason) => (
        <button
          key={`${reason.code}|${reason.reason}`}
          type="button"
          className={classes.reason}
          data-active={chosen === reason.code}
          aria-pressed={chosen === reason.code}
          onClick={() => onChoose(chosen === reason.code ? null : reason.code)}
        >
          <span>{reason.reason}</span>
          <strong><Count value={reason.count} /></strong>
          <span className="mono dim">{reason.code}</span>
          <span className="dim"><Ago at={reason.last_at} /></span>
          <span className={classes.reasonBar} style={{ width: `${String((100 * reason.count) / most)}%` }} />
        </button>
      ))}
    </div>
  );
}

function asRecord(letter: DeadLetter) {
  return {
    partition: letter.partition,
    offset: letter.source_offset,
    ts: letter.ts,
    key: null,
    value: letter.value,
    encoding: letter.encoding,
    size_bytes: letter.size_bytes,
    attributes: { code: letter.code, reason: letter.reason, ...letter.attributes },
  };
}

/** Records that could not become rows: why, what they were, and sending them again after a fix. */
export function DeadLetters({ stream, total }: { stream: string; total: number }) {
  const { t } = useTranslation();
  const format = useFormat();
  const client = useQueryClient();
  const mayEdit = useMayEdit();
  const [limit, setLimit] = useState(STEP);
  const [code, setCode] = useState<string | null>(null);
  const [open, setOpen] = useState<number | null>(null);
  const [asking, setAsking] = useState(false);
  const letters = useQuery({ ...deadLettersQuery(stream, limit), refetchInterval: 5000, placeholderData: (old) => old });
  const reasons = useQuery({ ...deadReasonsQuery(stream), refetchInterval: 5000 });
  const replay = useMutation({
    mutationFn: () => change<Replay>('POST', `/api/streams/${encodeURIComponent(stream)}/replay`, code === null ? {} : { code }),
    onSuccess: (done) => {
      setAsking(false);
      notifications.show({ message: t('streams.replayed', { count: done.replayed, n: format.exact(done.replayed) }) });
      void client.invalidateQueries({ queryKey: ['streams', stream] });
    },
    onError: (error) => {
      setAsking(false);
      notifications.show({ title: t('streams.replayFailed'), message: toErrorBody(error).message, color: 'red' });
    },
  });

  return (
    <WhenLoaded query={letters} skeleton={<Panel flush><SkeletonRows rows={6} height={25} /></Panel>}>
      {(data) => {
        if (data.total === 0 && total === 0) {
          return (
            <Panel>
              <EmptyState icon={<IconMailCheck size={28} stroke={1.4} />} title={t('streams.noDead')} hint={t('streams.noDeadHint')} />
            </Panel>
          );
        }
        const shown = code === null ? data.letters : data.letters.filter((letter) => letter.code === code);
        return (
          <div className={classes.stack}>
            <Panel
              title={t('streams.reasons')}
              actions={
                mayEdit && (
                  <Button variant="default" leftSection={<IconRepeat size={14} />} onClick={() => setAsking(true)}>
                    {code === null ? t('streams.replay') : t('streams.replayCode', { code })}
                  </Button>
                )
              }
            >
              <WhenLoaded query={reasons} skeleton={<SkeletonRows rows={3} />}>
                {(found) => <Reasons reasons={found} chosen={code} onChoose={setCode} />}
              </WhenLoaded>
            </Panel>
            <Panel title={t('streams.letters')} note={t('streams.lettersNote', { shown: format.exact(shown.length), total: format.exact(data.total), to: format.exact(data.replayed_to) })} flush>
              {shown.map((letter) => (
                <RecordLine key={letter.offset} record={asRecord(letter)} open={open === letter.offset} raw={false} onToggle={() => setOpen(open === letter.offset ? null : letter.offset)} />
              ))}
              {data.letters.length >= limit && data.letters.length < data.total && limit < 1000 && (
                <div style={{ padding: 8, textAlign: 'center' }}>
                  <Button variant="subtle" loading={letters.isFetching && letters.isPlaceholderData} onClick={() => setLimit(limit + STEP)}>
                    {t('part.more')}
                  </Button>
                </div>
              )}
            </Panel>
            <Dialog opened={asking} onClose={() => setAsking(false)} title={t('streams.replayTitle', { stream })}>
              <p>{code === null ? t('streams.replayAsk') : t('streams.replayAskCode', { code })}</p>
              <p className="dim">{t('streams.replayNote')}</p>
              <div className={classes.formFoot}>
                <Button variant="default" onClick={() => setAsking(false)}>{t('part.cancel')}</Button>
                <Button data-autofocus loading={replay.isPending} onClick={() => replay.mutate()}>{t('streams.replayDo')}</Button>
              </div>
            </Dialog>
          </div>
        );
      }}
    </WhenLoaded>
  );
}
