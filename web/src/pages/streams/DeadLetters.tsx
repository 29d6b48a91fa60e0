import { Button } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconMailCheck, IconRepeat } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { change } from '@/api/client';
import { deadLettersQuery, deadReasonsQuery, useMayEdit } from '@/api/queries';
import type { DeadLetter, DeadReason, Replay } from '@/api/types';
import { Panel } from '@/components/Panel';
import { EmptyState, ErrorLine, SkeletonRows, WhenLoaded } from '@/components/states';
import { Ago, Count } from '@/components/Values';
import { deadCode } from '@/i18n/en/errors';
import { useFormat } from '@/i18n/useFormat';
import { Dialog } from '@/components/Dialog';

import { LineHead, RecordLine } from './RecordLine';
import classes from './Streams.module.css';

const STEP = 100;

/** A code in words; one that this page does not know stays as it is. */
function useCodeWords(): (code: string) => string {
  const { t } = useTranslation();
  return (code) => (isKnown(code) ? t(`deadCode.${code}`) : code);
}

type KnownCode = keyof typeof deadCode;
const isKnown = (code: string): code is KnownCode => code in deadCode;

type ReasonsProps = { reasons: DeadReason[]; chosen: string | null; onChoose: (code: string | null) => void };

function Reasons({ reasons, chosen, onChoose }: ReasonsProps) {
  const { t } = useTranslation();
  const words = useCodeWords();
  const most = Math.max(1, ...reasons.map(({ count }) => count));
  return (
    <div className={classes.reasons}>
      {reasons.map(({ code, reason, count, waiting, last_at: lastAt }) => (
        <button
          key={code}
          type="button"
          className={classes.reason}
          data-active={chosen === code}
          data-done={waiting === 0}
          aria-pressed={chosen === code}
          onClick={() => onChoose(chosen === code ? null : code)}
        >
          <span>
            <strong>{words(code)}</strong> <span className="mono dim">{code}</span>
          </span>
          <strong><Count value={waiting} /></strong>
          <span className={classes.example}>{t('streams.example', { reason })}</span>
          <span className="dim">
            {count > waiting && <>{t('streams.nReplayed', { n: count - waiting })} · </>}
            <Ago at={lastAt} />
          </span>
          <span className={classes.reasonBar} style={{ width: `${String((100 * waiting) / most)}%` }} />
        </button>
      ))}
    </div>
  );
}

type LetterProps = { letter: DeadLetter; open: boolean; onToggle: () => void };

function Letter({ letter, open, onToggle }: LetterProps) {
  const { t } = useTranslation();
  const words = useCodeWords();
  const note = (
    <>
      {letter.replayed && <span className={classes.replayed}><IconRepeat size={12} aria-hidden /> {t('streams.wasReplayed')}</span>}
      <span title={`${words(letter.code)}: ${letter.reason}`}>{letter.reason}</span>
    </>
  );
  return <RecordLine record={asRecord(letter)} open={open} raw={false} note={note} done={letter.replayed} onToggle={onToggle} />;
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

/** How many wait for somebody, of one reason or of all; undefined while nobody knows. */
function waitingOf(reasons: DeadReason[] | undefined, code: string | null): number | undefined {
  return reasons?.filter((reason) => code === null || reason.code === code).reduce((sum, { waiting }) => sum + waiting, 0);
}

/** Records that could not become rows: why, what they were, and sending them again after a fix. */
export function DeadLetters({ stream, total }: { stream: string; total: number }) {
  const { t } = useTranslation();
  const format = useFormat();
  const client = useQueryClient();
  const mayEdit = useMayEdit();
  const words = useCodeWords();
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
      notifications.show({ title: t('streams.replayFailed'), message: <ErrorLine error={error} />, color: 'red' });
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
                  <Button variant="default" leftSection={<IconRepeat size={14} />} disabled={waitingOf(reasons.data, code) === 0} onClick={() => setAsking(true)}>
                    {waitingOf(reasons.data, code) === 0 ? t('streams.allReplayed') : code === null ? t('streams.replay') : t('streams.replayCode', { code: words(code) })}
                  </Button>
                )
              }
            >
              <WhenLoaded query={reasons} skeleton={<SkeletonRows rows={3} />}>
                {(found) => <Reasons reasons={found} chosen={code} onChoose={setCode} />}
              </WhenLoaded>
            </Panel>
            <Panel title={t('streams.letters')} note={t('streams.lettersNote', { shown: format.exact(shown.length), total: format.exact(data.total) })} flush>
              <LineHead note={t('streams.why')} />
              {shown.map((letter) => (
                <Letter key={letter.offset} letter={letter} open={open === letter.offset} onToggle={() => setOpen(open === letter.offset ? null : letter.offset)} />
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
              <p>{code === null ? t('streams.replayAsk') : t('streams.replayAskCode', { code: words(code) })}</p>
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
