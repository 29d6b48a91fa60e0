import { Button } from '@mantine/core';
import { IconCamera, IconHistory } from '@tabler/icons-react';
import { useNavigate } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';

import type { Snapshot, TableDetail } from '@/api/types';
import { CopyButton } from '@/components/CopyButton';
import { Tag } from '@/components/Mark';
import { Panel } from '@/components/Panel';
import { EmptyState } from '@/components/states';
import { Counted, Time } from '@/components/Values';
import { useFormat } from '@/i18n/useFormat';
import { encodeShared } from '@/sql/shareLink';

import classes from './Tables.module.css';

function Moment({ snapshot, table }: { snapshot: Snapshot; table: string }) {
  const { t } = useTranslation();
  const format = useFormat();
  const navigate = useNavigate();
  const sql = `SELECT *\nFROM ${table} FOR SYSTEM_VERSION AS OF ${snapshot.id}\nLIMIT 100`;
  const summary = Object.entries(snapshot.summary).map(([name, value]) => `${name} = ${value}`).join('\n');
  return (
    <li className={classes.snap} data-quiet={snapshot.added_rows === 0}>
      <span className={classes.dot} aria-hidden />
      <Time at={snapshot.at} />
      <div className={classes.snapWhat} title={summary}>
        <Tag>{snapshot.operation}</Tag>
        {snapshot.added_rows > 0 && <span className={`${classes.snapAdded ?? ''} num`}>{`+${format.exact(snapshot.added_rows)}`}</span>}
        <span className="dim">
          <Counted what="unit.nRows" value={snapshot.rows} />
        </span>
        <span className={`${classes.snapId ?? ''} mono`}>{snapshot.id}</span>
      </div>
      <span style={{ display: 'flex', alignItems: 'center', gap: 4 }}>
        <CopyButton text={snapshot.id} label={t('tables.copyId')} />
        <Button variant="subtle" leftSection={<IconHistory size={14} />} onClick={() => void navigate({ to: '/sql', search: { q: encodeShared({ sql }) ?? undefined } })}>
          {t('tables.asOf')}
        </Button>
      </span>
    </li>
  );
}

/** The table's past, newest first; each moment can be asked as it was. */
export function Snapshots({ table }: { table: TableDetail }) {
  const { t } = useTranslation();
  return (
    <Panel title={t('tables.snapshots')} note={t('tables.snapshotsNote')} flush>
      {table.snapshots.length === 0 ? (
        <EmptyState icon={<IconCamera size={28} stroke={1.4} />} title={t('tables.noSnapshots')} hint={t('tables.noSnapshotsHint')} />
      ) : (
        <ol className={classes.time}>
          {table.snapshots.map((snapshot) => (
            <Moment key={snapshot.id} snapshot={snapshot} table={table.name} />
          ))}
        </ol>
      )}
    </Panel>
  );
}
