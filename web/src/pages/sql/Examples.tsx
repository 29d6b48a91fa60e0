import { IconTerminal2 } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';

import { tablesQuery } from '@/api/queries';
import { EmptyState } from '@/components/states';

import { exampleQueries } from './examples';
import classes from './Sql.module.css';

const TOUCH = window.matchMedia('(pointer: coarse)').matches;

/** Before the first query: what it could be. */
export function Examples({ onOpen }: { onOpen: (sql: string) => void }) {
  const { t } = useTranslation();
  const { data } = useQuery(tablesQuery);
  return (
    <EmptyState icon={<IconTerminal2 size={28} stroke={1.4} />} title={t('sql.firstTitle')} hint={TOUCH ? t('sql.firstHintTouch') : t('sql.firstHint')}>
      <div className={classes.examples}>
        {exampleQueries(data ?? []).map(({ kind, table, sql }) => (
          <button key={sql} type="button" className={classes.example} onClick={() => onOpen(sql)}>
            <span>{t(`sql.example.${kind}`, { table })}</span>
            <span className={classes.exampleSql}>{sql.replaceAll('\n', ' ')}</span>
          </button>
        ))}
      </div>
    </EmptyState>
  );
}
