import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';

import type { Overview, TableRow } from '@/api/types';
import { type Col, DataTable } from '@/components/DataTable';
import { Panel } from '@/components/Panel';
import { Ago, Bytes, Count } from '@/components/Values';

import { looseTables } from './flow';

/** Tables that no stream fills; absent where there are none. */
export function LooseTables({ overview }: { overview: Overview }) {
  const { t } = useTranslation();
  const tables = looseTables(overview);
  if (tables.length === 0) return null;
  const cols: Col<TableRow>[] = [
    {
      key: 'name',
      head: t('home.table'),
      cell: ({ name }) => (
        <Link to="/tables/$name" params={{ name }} className="link">
          {name}
        </Link>
      ),
      sort: (table) => table.name,
    },
    { key: 'rows', head: t('unit.Rows'), cell: (table) => <Count value={table.rows} />, end: true, sort: (table) => table.rows },
    { key: 'size', head: t('home.size'), cell: (table) => <Bytes value={table.size_bytes} />, end: true, sort: (table) => table.size_bytes },
    { key: 'commit', head: t('home.lastCommit'), cell: (table) => <Ago at={table.last_commit_at} />, end: true, wide: true, sort: (table) => table.last_commit_at },
  ];
  return (
    <Panel title={t('home.looseTables')} flush>
      <DataTable rows={tables} cols={cols} rowKey={(table) => table.name} label={t('home.looseTables')} />
    </Panel>
  );
}
