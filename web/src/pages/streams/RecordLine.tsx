import { memo } from 'react';
import { useTranslation } from 'react-i18next';

import type { StreamRecord } from '@/api/types';
import { CopyButton } from '@/components/CopyButton';
import { formatClock } from '@/i18n/time';
import { useFormat } from '@/i18n/useFormat';

import { laidOut, oneLine } from './recordText';
import classes from './Streams.module.css';

type Props = { record: StreamRecord; open: boolean; raw: boolean; onToggle: (record: StreamRecord) => void };

export const RecordLine = memo(function RecordLine({ record, open, raw, onToggle }: Props) {
  const { t } = useTranslation();
  const format = useFormat();
  const ms = Date.parse(record.ts);
  const attributes = Object.entries(record.attributes);
  return (
    <div
      className={classes.line}
      data-open={open}
      role="button"
      tabIndex={0}
      aria-expanded={open}
      onClick={() => onToggle(record)}
      onKeyDown={(event) => {
        if (event.key !== 'Enter' && event.key !== ' ') return;
        event.preventDefault();
        onToggle(record);
      }}
    >
      <span className={classes.lineTime}>{formatClock(ms, format.zone)}</span>
      <span className={classes.lineOffset}>{`${String(record.partition)}/${String(record.offset)}`}</span>
      <span className={classes.lineValue}>{oneLine(record.value, record.encoding)}</span>
      {open && (
        // A click into the opened value selects text; it does not close it.
        <div className={classes.lineMore} onClick={(event) => event.stopPropagation()} onKeyDown={(event) => event.stopPropagation()}>
          <div className={classes.meta}>
            <span>{format.timeAndZone(ms)}</span>
            <span>{t('streams.offsetOf', { partition: record.partition, offset: record.offset })}</span>
            {record.key !== null && <span>{t('streams.keyOf', { key: record.key })}</span>}
            {attributes.map(([name, value]) => (
              <span key={name}>{`${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`}</span>
            ))}
            <CopyButton text={record.value} label={t('streams.copyValue')} />
          </div>
          <pre className={classes.json}>{raw ? record.value : laidOut(record.value, record.encoding)}</pre>
        </div>
      )}
    </div>
  );
});
