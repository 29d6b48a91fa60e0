import { IconLoader2 } from '@tabler/icons-react';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';

import { Mark } from '@/components/Mark';
import { Bytes, Counted } from '@/components/Values';
import { useFormat } from '@/i18n/useFormat';
import type { RunState } from '@/sql/useRun';

import classes from './Sql.module.css';

function useElapsed(state: RunState): number {
  const [now, setNow] = useState(0);
  const running = state.phase === 'running';
  useEffect(() => {
    if (!running) return;
    const timer = setInterval(() => setNow(Date.now()), 100);
    return () => clearInterval(timer);
  }, [running]);
  return Math.max(0, ((running ? now : (state.endedMs ?? now)) - state.startedMs) / 1000);
}

/** Rows, time, what was read, how fresh; and whether the answer was cut. */
export function StatsLine({ state }: { state: RunState }) {
  const { t } = useTranslation();
  const format = useFormat();
  const elapsed = useElapsed(state);
  const { phase, result, info } = state;
  if (phase === 'idle' || phase === 'failed') return <div className={classes.stats} />;
  return (
    <div className={classes.stats} role="status">
      {phase === 'running' && <IconLoader2 size={14} className={classes.spin} aria-hidden />}
      {phase === 'running' && <span>{t('sql.running')}</span>}
      {phase === 'cancelled' && <span>{t('sql.cancelled')}</span>}
      {result && (
        <span>
          <Counted what="unit.nRows" value={result.rowCount} />
        </span>
      )}
      <span className="num">{format.duration(info?.duration_s ?? elapsed)}</span>
      {info?.bytes_read ? (
        <span>
          {t('sql.read')} <Bytes value={info.bytes_read} />
        </span>
      ) : null}
      {info?.fresh_rows ? (
        <span title={t('sql.freshHint')}>
          <Counted what="unit.nFresh" value={info.fresh_rows} />
        </span>
      ) : null}
      {info?.fresh_incomplete?.length ? (
        <span
          className={classes.truncated}
          title={t('sql.freshIncompleteHint', { tables: info.fresh_incomplete.join(', ') })}
        >
          <Mark tone="warn">{t('sql.freshIncomplete')}</Mark>
        </span>
      ) : null}
      {info?.truncated && (
        <span className={classes.truncated} title={t('sql.truncatedHint')}>
          <Mark tone="warn">{t('sql.truncated')}</Mark>
        </span>
      )}
    </div>
  );
}
