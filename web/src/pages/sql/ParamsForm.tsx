import { TextInput } from '@mantine/core';
import { useTranslation } from 'react-i18next';

import { findParams } from '@/sql/params';

import classes from './Sql.module.css';

type Props = {
  sql: string;
  values: Record<string, string>;
  missing: string[];
  onChange: (name: string, value: string) => void;
  onRun: () => void;
};

/** A field for each `$name` of the query; nothing where there is none. */
export function ParamsForm({ sql, values, missing, onChange, onRun }: Props) {
  const { t } = useTranslation();
  const names = findParams(sql);
  if (names.length === 0) return null;
  const submit = (event: { preventDefault: () => void }) => {
    event.preventDefault();
    onRun();
  };
  return (
    <form className={classes.params} onSubmit={submit}>
      {names.map((name) => {
        const fromRange = name === 'from' || name === 'to';
        const empty = missing.includes(name) && (values[name] ?? '') === '';
        return (
          <TextInput
            key={name}
            size="xs"
            w={180}
            label={`$${name}`}
            placeholder={fromRange ? t('sql.fromRange') : undefined}
            error={empty ? t('sql.missingParam') : undefined}
            value={values[name] ?? ''}
            onChange={(event) => onChange(name, event.currentTarget.value)}
          />
        );
      })}
      <button type="submit" hidden />
    </form>
  );
}
