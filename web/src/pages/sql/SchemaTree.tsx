import { TextInput } from '@mantine/core';
import { IconChevronRight, IconSearch } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import type { Catalog } from '@/api/types';
import { EmptyState, SkeletonRows, WhenLoaded } from '@/components/states';
import { quoted } from '@/sql/completion';

import classes from './Sql.module.css';

type Query = { data: Catalog | undefined; error: unknown; dataUpdatedAt: number; refetch: () => unknown };
type Props = { query: Query; onInsert: (text: string) => void };

/** Schemas, tables and columns; a click writes the name into the query. */
export function SchemaTree({ query, onInsert }: Props) {
  const { t } = useTranslation();
  const [filter, setFilter] = useState('');
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const wanted = filter.trim().toLowerCase();
  const toggle = (name: string) => {
    const next = new Set(open);
    if (!next.delete(name)) next.add(name);
    setOpen(next);
  };
  return (
    <aside className={classes.side} aria-label={t('sql.schema')}>
      <TextInput
        size="xs"
        value={filter}
        onChange={(event) => setFilter(event.currentTarget.value)}
        placeholder={t('sql.filterTables')}
        aria-label={t('sql.filterTables')}
        leftSection={<IconSearch size={13} />}
      />
      <div className={classes.tree}>
        <WhenLoaded query={query} skeleton={<SkeletonRows rows={8} height={26} />}>
          {({ tables }) => {
            const shown = tables.filter(
              ({ name, columns }) => name.toLowerCase().includes(wanted) || (wanted !== '' && columns.some((column) => column.name.toLowerCase().includes(wanted))),
            );
            if (tables.length === 0) return <EmptyState title={t('sql.noTables')} hint={t('sql.noTablesHint')} />;
            if (shown.length === 0) return <p className={classes.quiet}>{t('part.noMatch')}</p>;
            return shown.map((table) => {
              const isOpen = open.has(table.name) || (wanted !== '' && !table.name.toLowerCase().includes(wanted));
              return (
                <div key={table.name}>
                  <div className={classes.treeTable}>
                    <button type="button" aria-expanded={isOpen} aria-label={t('sql.columnsOf', { name: table.name })} onClick={() => toggle(table.name)}>
                      <IconChevronRight size={13} data-open={isOpen} />
                    </button>
                    <button type="button" className="cut" onClick={() => onInsert(table.name)} title={table.name}>
                      {table.name}
                    </button>
                  </div>
                  {isOpen &&
                    table.columns.map((column) => (
                      <button key={column.name} type="button" className={classes.treeColumn} title={`${column.name} ${column.type}`} onClick={() => onInsert(quoted(column.name))}>
                        <span className="cut">{column.name}</span>
                        <span className={`${classes.treeType ?? ''} cut`}>{column.type.toLowerCase()}</span>
                      </button>
                    ))}
                </div>
              );
            });
          }}
        </WhenLoaded>
      </div>
    </aside>
  );
}
