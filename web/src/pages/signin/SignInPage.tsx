import { Button, PasswordInput, TextInput } from '@mantine/core';
import { IconAlertTriangle, IconLanguage } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { useNavigate, useRouter, useSearch } from '@tanstack/react-router';
import { type FormEvent, useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';

import { ApiError, change, OFFLINE } from '@/api/client';
import { sessionQuery } from '@/api/queries';
import type { Session } from '@/api/types';
import { Logo } from '@/components/Logo';
import { CodeBlock } from '@/components/CodeBlock';
import { ErrorLine } from '@/components/states';
import { setLanguage } from '@/i18n';
import { KNOWN_HERE, preference, setPreference } from '@/i18n/preferences';
import { useFormat } from '@/i18n/useFormat';

import classes from './SignIn.module.css';

/** Only a path of this site is followed after signing in. */
function safeNext(next: string | undefined): string {
  return next !== undefined && /^\/(?![/\\])/.test(next) ? next : '/';
}

export default function SignInPage() {
  const { t, i18n } = useTranslation();
  const format = useFormat();
  const search = useSearch({ from: '/signin' });
  const client = useQueryClient();
  const navigate = useNavigate();
  const router = useRouter();
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  // Who has signed in here before needs no introduction.
  const [known] = useState(() => preference(KNOWN_HERE) !== null);
  const other = i18n.language === 'ko' ? 'en' : 'ko';
  // On the machine that Madang runs on.
  const newLink = `madang user link admin\n# ${t('signin.afterMake')}\n.venv/bin/madang user link admin`;

  useEffect(() => {
    document.title = `${t('signin.title')} · Madang`;
  }, [t]);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      const session = await change<Session>('POST', '/api/session', { name: name.trim(), password });
      setPreference(KNOWN_HERE, 'yes');
      client.setQueryData(sessionQuery.queryKey, session);
      await router.invalidate();
      await navigate({ href: safeNext(search.next) });
    } catch (caught) {
      setError(caught);
      setBusy(false);
    }
  };

  const says = () => {
    if (!(error instanceof ApiError)) return error === null ? null : String(error);
    if (error.body.code === OFFLINE) return t('part.offlineTitle');
    if (error.status === 401) return t('signin.wrong');
    if (error.status === 429) {
      return t('signin.tooMany', { wait: format.duration(error.retryAfterS ?? 60) });
    }
    return <ErrorLine error={error} />;
  };
  const failed = says();

  return (
    <div className={classes.page}>
      <main className={classes.box}>
        <div className={classes.brand}>
          <Logo size={32} />
          <h1>{t('signin.title')}</h1>
        </div>
        {search.error === 'code' && (
          <div className={classes.notice} role="alert">
            <IconAlertTriangle size={16} aria-hidden />
            <div>
              <strong>{t('signin.codeOver')}</strong>
              <p className="dim">{t('signin.codeHint')}</p>
              <CodeBlock code={newLink} />
            </div>
          </div>
        )}
        <form onSubmit={(event) => void submit(event)} className={classes.form}>
          <TextInput
            label={t('signin.name')}
            autoComplete="username"
            autoCapitalize="none"
            autoFocus
            required
            withAsterisk={false}
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
          />
          <PasswordInput
            label={t('signin.password')}
            autoComplete="current-password"
            required
            withAsterisk={false}
            value={password}
            error={failed}
            onChange={(event) => setPassword(event.currentTarget.value)}
          />
          <Button type="submit" size="sm" loading={busy} fullWidth>
            {t('signin.submit')}
          </Button>
        </form>
        <details className={classes.first} open={!known}>
          <summary>{t('signin.first')}</summary>
          <p className="dim">{t('signin.firstHint')}</p>
          {search.error !== 'code' && (
            <>
              <p className="dim">{t('signin.linkHint')}</p>
              <CodeBlock code={newLink} />
            </>
          )}
          <p className="dim">{t('signin.addHint')}</p>
          <CodeBlock code="madang user add NAME" />
        </details>
      </main>
      <footer className={classes.foot}>
        <Button
          variant="subtle"
          color="gray"
          leftSection={<IconLanguage size={14} />}
          onClick={() => void setLanguage(other)}
        >
          {t(`language.${other}`)}
        </Button>
      </footer>
    </div>
  );
}
