import { useTranslation } from 'react-i18next';

import type { TableDetail } from '@/api/types';
import { Mark } from '@/components/Mark';
import { Ago } from '@/components/Values';
import { useFormat } from '@/i18n/useFormat';

import classes from './Tables.module.css';

const SHOWN = 5;

/** Says how many values stand in `_rest` because no column took them, of which fields, and why. */
export function Misfits({ table }: { table: TableDetail }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { count, last_at, columns } = table.misfits;
  if (count === 0) return null;
  return (
    <div className={classes.misfits} role="status">
      <Mark tone="warn">{t('misfit.title', { count, n: format.exact(count) })}</Mark>
      <ul>
        {columns.slice(0, SHOWN).map((one) => (
          <li key={`${one.reason} ${one.column}`}>
            <bdi className="mono">{one.column}</bdi>: {t(`misfit.${one.reason}`, { n: format.exact(one.count) })}
            {one.example !== null && <> · <bdi className="mono">{t('misfit.example', { example: one.example })}</bdi></>}
          </li>
        ))}
        {columns.length > SHOWN && <li>{t('misfit.more', { n: format.exact(columns.length - SHOWN) })}</li>}
      </ul>
      <p>
        {t('misfit.hint')}
        {last_at !== null && <> · {t('misfit.last')} <Ago at={last_at} /></>}
      </p>
    </div>
  );
}
