import { useTranslation } from 'react-i18next';

import type { TableColumn, TableDetail } from '@/api/types';
import { CopyButton } from '@/components/CopyButton';
import { type Col, DataTable } from '@/components/DataTable';
import { Panel } from '@/components/Panel';
import { Ago } from '@/components/Values';

/** What Madang itself writes into every delivered table. */
const OWN = { _time: 'time', _partition: 'partition', _offset: 'offset', _rest: 'rest' } as const;

export function Columns({ table }: { table: TableDetail }) {
  const { t } = useTranslation();
  const about = (column: TableColumn) => {
    if (column.description) return column.description;
    const own = column.name in OWN ? OWN[column.name as keyof typeof OWN] : undefined;
    return own ? <span className="dim">{t(`ownColumn.${own}`)}</span> : null;
  };
  const cols: Col<TableColumn>[] = [
    { key: 'name', head: t('tables.column'), cell: (column) => <span className="mono">{column.name}</span>, sort: (column) => column.name },
    { key: 'type', head: t('tables.type'), cell: (column) => <span className="mono dim">{column.type}</span>, sort: (column) => column.type },
    { key: 'nullable', head: t('tables.nullable'), cell: (column) => <span className="dim">{column.nullable ? t('tables.mayBeNull') : t('tables.always')}</span>, wide: true },
    { key: 'about', head: t('tables.about'), cell: about, wide: true },
    { key: 'added', head: t('tables.added'), cell: (column) => <Ago at={column.added_at} />, sort: (column) => column.added_at, end: true, wide: true },
  ];
  return (
    <Panel title={t('tables.columns')} actions={<CopyButton label={t('tables.copyColumns')} text={table.columns.map(({ name }) => name).join(', ')} />} flush>
      <DataTable rows={table.columns} cols={cols} rowKey={(column) => column.name} label={t('tables.columns')} />
    </Panel>
  );
}
