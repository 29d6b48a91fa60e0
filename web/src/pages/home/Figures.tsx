import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';

import type { Overview } from '@/api/types';
import { Sparkline } from '@/components/Sparkline';
import { Bytes, Count, Duration, Rate } from '@/components/Values';
import { NOTHING } from '@/i18n/format';

import { totals } from './flow';
import classes from './Home.module.css';

type Props = { name: string; value: ReactNode; note: ReactNode; tone?: 'warn' | 'bad'; children?: ReactNode };

function Figure({ name, value, note, tone, children }: Props) {
  return (
    <div className={classes.figure}>
      <div className={classes.figureName}>{name}</div>
      <div className={classes.figureValue} data-tone={tone}>
        {value}
      </div>
      <div className={classes.figureNote}>{note}</div>
      {children}
    </div>
  );
}

/** The five numbers that say whether the day is a quiet one. */
export function Figures({ overview }: { overview: Overview }) {
  const { t } = useTranslation();
  const sum = totals(overview);
  const { disk } = overview;
  const full = disk.free_bytes < disk.min_free_bytes;
  return (
    <div className={classes.figures}>
      <Figure
        name={t('home.in')}
        value={<Rate value={sum.recordsPerS} />}
        note={<span>{t('home.recordsAnd')} <Bytes value={sum.bytesPerS} />{t('unit.slashSecond')}</span>}
      >
        <div className={classes.figureLine}>
          <Sparkline values={sum.history} width={120} height={36} label={t('home.rateOf', { name: t('home.in') })} />
        </div>
      </Figure>
      <Figure
        name={t('home.freshness')}
        value={sum.worst === null ? NOTHING : sum.lag === 0 ? t('home.upToDate') : <Duration value={sum.worst.freshness_s} />}
        note={sum.worst === null ? t('home.nothingYet') : sum.lag === 0 ? t('home.allDelivered') : <span className="cut">{t('home.slowest', { name: sum.worst.name })}</span>}
        tone={sum.worst !== null && (sum.worst.freshness_s ?? 0) > 60 ? 'warn' : undefined}
      />
      <Figure name={t('home.lag')} value={<Count value={sum.lag} />} note={t('home.lagNote')} />
      <Figure
        name={t('home.dead')}
        value={<Count value={sum.dead} />}
        note={sum.dead === 0 ? t('home.deadNone') : t('home.deadIn', { count: sum.deadStreams })}
        tone={sum.dead > 0 ? 'warn' : undefined}
      />
      <Figure
        name={t('home.disk')}
        value={<Bytes value={disk.free_bytes} />}
        note={<>{t('home.diskOf')} <Bytes value={disk.total_bytes} /></>}
        tone={full ? 'bad' : undefined}
      >
        <div className={classes.meter} aria-hidden>
          <span style={{ width: `${String(100 - (100 * disk.free_bytes) / Math.max(1, disk.total_bytes))}%` }} data-tone={full ? 'bad' : undefined} />
        </div>
      </Figure>
    </div>
  );
}
