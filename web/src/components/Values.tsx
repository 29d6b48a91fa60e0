import { Tooltip } from '@mantine/core';
import type { ReactNode } from 'react';
import { Trans, useTranslation } from 'react-i18next';

import { NOTHING } from '@/i18n/format';
import { useFormat } from '@/i18n/useFormat';

import { useNow } from './now';

type Maybe = number | null | undefined;

function Shown({ exact, children }: { exact: string; children: ReactNode }) {
  return (
    <Tooltip label={exact}>
      <span className="num">{children}</span>
    </Tooltip>
  );
}

export function Count({ value }: { value: Maybe }) {
  const format = useFormat();
  if (value === null || value === undefined) return <span className="dim">{NOTHING}</span>;
  const text = format.count(value);
  const exact = format.exact(value);
  return text === exact ? <span className="num">{text}</span> : <Shown exact={exact}>{text}</Shown>;
}

type Counted = 'unit.nRows' | 'unit.nWaiting' | 'unit.nDead' | 'unit.nFresh' | 'unit.nRecords';

/** A number in its words: "12.3K rows", "1.2만 행". */
export function Counted({ what, value }: { what: Counted; value: number }) {
  return <Trans i18nKey={what} count={value} components={{ n: <Count value={value} /> }} />;
}

export function Bytes({ value }: { value: Maybe }) {
  const format = useFormat();
  const { t } = useTranslation();
  if (value === null || value === undefined) return <span className="dim">{NOTHING}</span>;
  return <Shown exact={t('unit.bytes', { n: format.exact(value) })}>{format.bytes(value)}</Shown>;
}

/** Records a second; the exact figure on hover. */
export function Rate({ value }: { value: Maybe }) {
  const format = useFormat();
  const { t } = useTranslation();
  if (value === null || value === undefined) return <span className="dim">{NOTHING}</span>;
  const rounded = Math.round(value * 1000) / 1000;
  return (
    <Shown exact={t('unit.recordsPerSecond', { n: format.exact(rounded) })}>
      {t('unit.perSecond', { n: format.count(rounded) })}
    </Shown>
  );
}

export function Duration({ value }: { value: Maybe }) {
  const format = useFormat();
  const { t } = useTranslation();
  if (value === null || value === undefined) return <span className="dim">{NOTHING}</span>;
  return <Shown exact={t('unit.seconds', { n: format.exact(value) })}>{format.duration(value)}</Shown>;
}

/** "3 minutes ago", ticking; the time in the reader's zone on hover. */
export function Ago({ at }: { at: string | null | undefined }) {
  const format = useFormat();
  const now = useNow();
  const ms = at ? Date.parse(at) : Number.NaN;
  if (Number.isNaN(ms)) return <span className="dim">{NOTHING}</span>;
  return (
    <Tooltip label={format.timeAndZone(ms)}>
      <time className="num" dateTime={at ?? ''}>
        {format.relative(ms, Math.max(now, ms))}
      </time>
    </Tooltip>
  );
}

/** The time itself, in the reader's zone; the zone and the distance on hover. */
export function Time({ at }: { at: string | null | undefined }) {
  const format = useFormat();
  const ms = at ? Date.parse(at) : Number.NaN;
  if (Number.isNaN(ms)) return <span className="dim">{NOTHING}</span>;
  return (
    <Tooltip label={format.timeAndZone(ms)}>
      <time className="num" dateTime={at ?? ''}>
        {format.time(ms)}
      </time>
    </Tooltip>
  );
}
