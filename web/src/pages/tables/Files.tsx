import { IconFiles } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';

import type { DataFile, TableDetail, TablePartition } from '@/api/types';
import { CopyButton } from '@/components/CopyButton';
import { type Col, DataTable } from '@/components/DataTable';
import { Panel } from '@/components/Panel';
import { MiddleCut } from '@/components/MiddleCut';
import { EmptyState } from '@/components/states';
import { Bytes, Count } from '@/components/Values';

import classes from './Tables.module.css';

function SizeBar({ size, most }: { size: number; most: number }) {
  return (
    <div className={classes.sizeCell}>
      <span className={classes.meter} aria-hidden>
        <span style={{ width: `${String((100 * size) / Math.max(1, most))}%` }} />
      </span>
      <Bytes value={size} />
    </div>
  );
}

/** A path as seen from the table's own folder. */
function withinTable(path: string, location: string): string {
  const bare = (text: string) => text.replace(/^[a-z0-9+]+:\/\/(?=\/)/, '');
  const folder = `${bare(location).replace(/\/$/, '')}/`;
  return bare(path).startsWith(folder) ? bare(path).slice(folder.length) : path;
}

/** Where the rows lie: by day, and in which files. */
export function Files({ table }: { table: TableDetail }) {
  const { t } = useTranslation();
  const mostPartition = Math.max(0, ...table.partitions.map((partition) => partition.size_bytes));
  const mostFile = Math.max(0, ...table.files_sample.map((file) => file.size_bytes));
  const partitions: Col<TablePartition>[] = [
    { key: 'partition', head: t('tables.partition'), cell: (part) => <span className="mono">{part.partition}</span>, sort: (part) => part.partition },
    { key: 'rows', head: t('unit.Rows'), cell: (part) => <Count value={part.rows} />, sort: (part) => part.rows, end: true },
    { key: 'files', head: t('tables.files'), cell: (part) => <Count value={part.files} />, sort: (part) => part.files, end: true, wide: true },
    { key: 'size', head: t('tables.size'), cell: (part) => <SizeBar size={part.size_bytes} most={mostPartition} />, sort: (part) => part.size_bytes, end: true },
  ];
  const files: Col<DataFile>[] = [
    { key: 'path', head: t('tables.path'), cell: (file) => <MiddleCut text={withinTable(file.path, table.location)} title={file.path} />, sort: (file) => file.path },
    { key: 'rows', head: t('unit.Rows'), cell: (file) => <Count value={file.rows} />, sort: (file) => file.rows, end: true },
    { key: 'size', head: t('tables.size'), cell: (file) => <SizeBar size={file.size_bytes} most={mostFile} />, sort: (file) => file.size_bytes, end: true },
  ];
  const empty = <EmptyState icon={<IconFiles size={26} stroke={1.4} />} title={t('tables.noFiles')} />;
  return (
    <div className={classes.two}>
      <Panel title={t('tables.partitions')} flush>
        <DataTable rows={table.partitions} cols={partitions} rowKey={(part) => part.partition} label={t('tables.partitions')} initial={{ key: 'partition', descending: true }} maxHeight={560} empty={empty} />
      </Panel>
      <Panel
        title={t('tables.dataFiles')}
        note={table.files > table.files_sample.length ? t('tables.filesNote', { shown: table.files_sample.length, total: table.files }) : undefined}
        actions={<CopyButton text={table.location} label={t('tables.copyLocation')} />}
        flush
      >
        <DataTable rows={table.files_sample} cols={files} rowKey={(file) => file.path} label={t('tables.dataFiles')} maxHeight={560} empty={empty} />
      </Panel>
    </div>
  );
}
