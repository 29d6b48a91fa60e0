import { TextInput } from '@mantine/core';
import { IconSearch } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import type { TableColumn, TableDetail } from '@/api/types';
import { CopyButton } from '@/components/CopyButton';
import { type Col, DataTable } from '@/components/DataTable';
import { Panel } from '@/components/Panel';
import { EmptyState } from '@/components/states';
import { Ago } from '@/components/Values';
import { useFormat } from '@/i18n/useFormat';

/** What Madang itself writes into every delivered table. */
const OWN = { _time: 'time', _partition: 'partition', _offset: 'offset', _rest: 'rest' } as const;
/** From here on one looks for a column rather than reads them all. */
const MANY = 12;

const ownName = (name: string) => (name in OWN ? OWN[name as keyof typeof OWN] : undefined);
/** Iceberg allows nothing in them; delivery always fills them. */
const isAlways = (column: TableColumn) => !column.nullable || ['time', 'partition', 'offset'].includes(ownName(column.name) ?? '');

export function Columns({ table }: { table: TableDetail }) {
  const { t } = useTranslation();
  const format = useFormat();
  const [filter, setFilter] = useState('');
  const { columns } = table;
  const about = (column: TableColumn) => {
    if (column.description) return column.description;
    const own = ownName(column.name);
    return own ? <span className="dim">{t(`ownColumn.${own}`)}</span> : null;
  };
  // A column that says the same of every row says nothing.
  const told = columns.some((column) => !column.nullable && !ownName(column.name));
  const dated = columns.some((column) => column.added_at !== null);
  const cols: Col<TableColumn>[] = [
    { key: 'name', head: t('tables.column'), cell: (column) => <span className="mono">{column.name}</span>, sort: (column) => column.name },
    { key: 'type', head: t('tables.type'), cell: (column) => <span className="mono dim">{column.type}</span>, sort: (column) => column.type },
    ...(told ? [{ key: 'nullable', head: t('tables.nullable'), cell: (column: TableColumn) => <span className="dim">{isAlways(column) ? t('tables.always') : t('tables.mayBeNull')}</span>, wide: true }] : []),
    { key: 'about', head: t('tables.about'), cell: about, wide: true },
    ...(dated ? [{ key: 'added', head: t('tables.added'), cell: (column: TableColumn) => <Ago at={column.added_at} />, sort: (column: TableColumn) => column.added_at, end: true, wide: true }] : []),
  ];
  const wanted = filter.trim().toLowerCase();
  const shown = wanted === '' ? columns : columns.filter(({ name, type, description }) => `${name} ${type} ${description}`.toLowerCase().includes(wanted));
  return (
    <Panel
      title={t('tables.columns')}
      note={shown.length < columns.length ? t('tables.filesNote', { shown: format.exact(shown.length), total: format.exact(columns.length) }) : undefined}
      actions={
        <>
          {columns.length > MANY && (
            <TextInput size="xs" w={180} aria-label={t('tables.findColumn')} placeholder={t('tables.findColumn')} leftSection={<IconSearch size={13} />} value={filter} onChange={(event) => setFilter(event.currentTarget.value)} />
          )}
          <CopyButton label={t('tables.copyColumns')} text={shown.map(({ name }) => name).join(', ')} />
        </>
      }
      flush
    >
      <DataTable rows={shown} cols={cols} rowKey={(column) => column.name} label={t('tables.columns')} empty={<EmptyState title={t('part.noMatch')} />} />
    </Panel>
  );
}
