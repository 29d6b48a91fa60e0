import { UnstyledButton } from '@mantine/core';
import { memo, type ReactNode, useState } from 'react';
import { useTranslation } from 'react-i18next';

import type { StreamRecord } from '@/api/types';
import { CopyButton } from '@/components/CopyButton';
import { formatClock } from '@/i18n/time';
import { useFormat } from '@/i18n/useFormat';

import { hexDump, laidOut, oneLine, type Part } from './recordText';
import classes from './Streams.module.css';

type Props = {
  record: StreamRecord;
  open: boolean;
  raw: boolean;
  /** Between place and value: why a letter died. */
  note?: ReactNode;
  /** Over and done with: drawn back. */
  done?: boolean;
  onToggle: (record: StreamRecord) => void;
};

function Parts({ parts }: { parts: Part[] }) {
  return parts.map(({ text, bad }, index) => (bad ? <mark key={index} className={classes.badBytes}>{text}</mark> : text));
}

/** The names of a record line's columns. */
export function LineHead({ note }: { note?: string }) {
  const { t } = useTranslation();
  return (
    <div className={classes.lineHead} data-note={note !== undefined} aria-hidden>
      <span>{t('streams.arrived')}</span>
      <span className={classes.lineOffset} title={t('streams.placeHint')}>{t('streams.place')}</span>
      {note !== undefined && <span className={classes.lineNote}>{note}</span>}
      <span className={classes.lineValue}>{t('streams.value')}</span>
    </div>
  );
}

function Whole({ record, raw }: Pick<Props, 'record' | 'raw'>) {
  const { t } = useTranslation();
  const format = useFormat();
  const [hex, setHex] = useState(false);
  const attributes = Object.entries(record.attributes);
  const bytes = record.encoding === 'base64';
  const cut = record.size_bytes > 64 * 1024;
  return (
    // A click into the opened value selects text; it does not close it.
    <div className={classes.lineMore} onClick={(event) => event.stopPropagation()} onKeyDown={(event) => event.stopPropagation()}>
      <div className={classes.meta}>
        <span>{format.timeAndZone(Date.parse(record.ts))}</span>
        <span>{t('streams.offsetOf', { partition: record.partition, offset: record.offset })}</span>
        <span>{format.bytes(record.size_bytes)}</span>
        {record.key !== null && <span>{t('streams.keyOf', { key: record.key })}</span>}
        {attributes.map(([name, value]) => (
          <span key={name}>{`${name}=${value}`}</span>
        ))}
        {bytes && (
          <UnstyledButton className={classes.asHex} aria-pressed={hex} onClick={() => setHex(!hex)}>
            {hex ? t('streams.asText') : t('streams.asHex')}
          </UnstyledButton>
        )}
        <CopyButton text={record.value} label={bytes ? t('streams.copyBase64') : t('streams.copyValue')} />
      </div>
      <pre className={classes.json}>
        {hex ? hexDump(record.value) : raw && !bytes ? record.value : <Parts parts={laidOut(record.value, record.encoding)} />}
      </pre>
      {cut && <p className="dim">{t('streams.cut')}</p>}
    </div>
  );
}

export const RecordLine = memo(function RecordLine({ record, open, raw, note, done = false, onToggle }: Props) {
  const format = useFormat();
  return (
    <div
      className={classes.line}
      data-open={open}
      data-note={note !== undefined}
      data-done={done}
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
      <span className={classes.lineTime} title={format.timeAndZone(Date.parse(record.ts))}>{formatClock(Date.parse(record.ts), format.zone)}</span>
      <span className={classes.lineOffset}>{`${String(record.partition)}/${String(record.offset)}`}</span>
      {note !== undefined && <span className={classes.lineNote}>{note}</span>}
      <span className={classes.lineValue}><Parts parts={oneLine(record.value, record.encoding)} /></span>
      {open && <Whole record={record} raw={raw} />}
    </div>
  );
});
