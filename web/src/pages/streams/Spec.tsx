import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';

import type { Column, ConsumerGroup, PartitionBounds, StreamDetail } from '@/api/types';
import { CodeBlock } from '@/components/CodeBlock';
import { type Col, DataTable } from '@/components/DataTable';
import { Panel } from '@/components/Panel';
import { EmptyState } from '@/components/states';
import { Bytes, Count } from '@/components/Values';
import { useFormat } from '@/i18n/useFormat';

import classes from './Streams.module.css';

/** What the stream is: its file, its columns, its partitions and who reads them. */
export function Spec({ stream }: { stream: StreamDetail }) {
  const { t } = useTranslation();
  const format = useFormat();
  const offset = (value: number | null) => <span className="mono">{value === null ? '–' : format.exact(value)}</span>;
  const schema: Col<Column>[] = [
    { key: 'name', head: t('streams.column'), cell: (column) => <span className="mono">{column.name}</span> },
    { key: 'type', head: t('streams.type'), cell: (column) => <span className="mono dim">{column.type}</span> },
  ];
  const partitions: Col<PartitionBounds>[] = [
    { key: 'partition', head: t('streams.partition'), cell: (bounds) => <span className="mono">{bounds.partition}</span>, sort: (bounds) => bounds.partition },
    { key: 'earliest', head: t('streams.earliest'), cell: (bounds) => offset(bounds.earliest), end: true, wide: true },
    { key: 'end', head: t('streams.end'), cell: (bounds) => offset(bounds.end), end: true },
    { key: 'delivered', head: t('streams.delivered'), cell: (bounds) => offset(bounds.delivered), end: true },
    { key: 'lag', head: t('streams.lag'), cell: (bounds) => <Count value={bounds.delivered === null ? null : Math.max(0, bounds.end - bounds.delivered)} />, end: true, sort: (bounds) => bounds.end - (bounds.delivered ?? 0) },
    { key: 'size', head: t('streams.size'), cell: (bounds) => <Bytes value={bounds.size_bytes} />, end: true, wide: true, sort: (bounds) => bounds.size_bytes },
  ];
  const groups: Col<ConsumerGroup>[] = [
    { key: 'name', head: t('streams.group'), cell: (group) => <span className="mono">{group.name}</span>, sort: (group) => group.name },
    { key: 'offsets', head: t('streams.offsets'), cell: (group) => <span className="mono dim">{Object.entries(group.offsets).map(([partition, at]) => `${partition}: ${format.exact(at)}`).join('   ')}</span> },
    { key: 'lag', head: t('streams.lag'), cell: (group) => <Count value={group.lag} />, end: true, sort: (group) => group.lag },
  ];
  return (
    <div className={classes.two}>
      <div className={classes.stack}>
        <Panel title={t('streams.partitions')} flush>
          <DataTable rows={stream.partition_bounds} cols={partitions} rowKey={(bounds) => String(bounds.partition)} label={t('streams.partitions')} />
        </Panel>
        <Panel title={t('streams.groups')} note={t('streams.groupsNote')} flush>
          <DataTable rows={stream.groups} cols={groups} rowKey={(group) => group.name} label={t('streams.groups')} empty={<EmptyState title={t('streams.noGroups')} />} />
        </Panel>
        <Panel title={t('streams.schema')} note={<>{t('streams.schemaNote')}{stream.table !== null && <> · {t('streams.tableColumns')} <Link to="/tables/$name" params={{ name: stream.table }} className="link">{stream.table}</Link></>}</>} flush>
          <DataTable rows={stream.schema} cols={schema} rowKey={(column) => column.name} label={t('streams.schema')} maxHeight={420} empty={<EmptyState title={t('streams.noSchema')} />} />
        </Panel>
      </div>
      <Panel title={t('streams.definition')} note={stream.file === null ? t('streams.builtIn') : <span className="mono">{stream.file}</span>}>
        <CodeBlock code={stream.yaml} yaml />
      </Panel>
    </div>
  );
}
