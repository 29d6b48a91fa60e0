import { Button, PasswordInput } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';

import { ApiError, change } from '@/api/client';
import { sessionQuery, useSession } from '@/api/queries';
import { KNOWN_HERE, setPreference } from '@/i18n/preferences';
import { Panel } from '@/components/Panel';
import { ErrorLine } from '@/components/states';

import classes from './Settings.module.css';

export const SHORTEST_PASSWORD = 8;

/** One's own password: set after a one-time link, changed later. */
export function Account() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const session = useSession();
  const first = session?.must_set_password === true;
  // A one-time link is for those, too, who forgot theirs.
  const unasked = first || session?.by_link === true;
  const [current, setCurrent] = useState('');
  const [next, setNext] = useState('');
  const [again, setAgain] = useState('');
  const [tried, setTried] = useState(false);
  const short = next.length < SHORTEST_PASSWORD;
  const differs = next !== again;
  const save = useMutation({
    mutationFn: () => change('PUT', '/api/session/password', { current: unasked ? null : current, new: next }),
    onSuccess: async () => {
      setCurrent('');
      setNext('');
      setAgain('');
      setTried(false);
      setPreference(KNOWN_HERE, 'yes');
      notifications.show({ message: t('settings.passwordSaved') });
      await client.invalidateQueries({ queryKey: sessionQuery.queryKey });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (!short && !differs) save.mutate();
  };
  const { error } = save;
  const wrong = error instanceof ApiError && (error.status === 401 || error.status === 403);
  return (
    <Panel title={first ? t('settings.setPassword') : t('settings.changePassword')}>
      <form className={classes.form} onSubmit={submit}>
        <input type="text" name="username" autoComplete="username" value={session?.user.name ?? ''} readOnly hidden />
        {!unasked && (
          <PasswordInput label={t('settings.current')} autoComplete="current-password" value={current} error={wrong ? t('settings.currentWrong') : undefined} onChange={(event) => setCurrent(event.currentTarget.value)} />
        )}
        <PasswordInput
          label={t('settings.new')}
          description={t('settings.newHint', { n: SHORTEST_PASSWORD })}
          autoComplete="new-password"
          value={next}
          error={tried && short ? t('settings.tooShort', { n: SHORTEST_PASSWORD }) : !wrong && error ? <ErrorLine error={error} /> : undefined}
          onChange={(event) => setNext(event.currentTarget.value)}
        />
        <PasswordInput label={t('settings.again')} autoComplete="new-password" value={again} error={tried && differs ? t('settings.differs') : undefined} onChange={(event) => setAgain(event.currentTarget.value)} />
        <Button type="submit" loading={save.isPending}>{t('part.save')}</Button>
      </form>
    </Panel>
  );
}
