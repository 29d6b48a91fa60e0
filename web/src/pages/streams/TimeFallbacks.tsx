import { useTranslation } from 'react-i18next';

import type { StreamDetail } from '@/api/types';
import { Mark } from '@/components/Mark';
import { Ago } from '@/components/Values';
import { useFormat } from '@/i18n/useFormat';

import classes from './Streams.module.css';

/** Says how many rows stand at their arrival for want of a usable time, and why. */
export function TimeFallbacks({ stream }: { stream: StreamDetail }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { count, last_at, reasons } = stream.time_fallbacks;
  if (count === 0) return null;
  const example = reasons.find((one) => one.example !== null)?.example;
  return (
    <div className={classes.noTime} role="status">
      <Mark tone="warn">{t('streams.noTime', { count, n: format.exact(count) })}</Mark>
      <p>
        {reasons.map((one) => t(`timeFault.${one.reason}`, { n: format.exact(one.count) })).join(' · ')}
        {example !== undefined && <> · <bdi className="mono">{t('streams.noTimeExample', { example: JSON.stringify(example) })}</bdi></>}
        {last_at !== null && <> · {t('streams.noTimeLast')} <Ago at={last_at} /></>}
      </p>
      {stream.editable && <p>{t('streams.noTimeHint', { file: stream.file })}</p>}
    </div>
  );
}
