import { Button, Select, TextInput } from '@mantine/core';
import { IconKey, IconPlus } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';

import { change } from '@/api/client';
import { tokensQuery, useIsAdmin } from '@/api/queries';
import type { NewToken, Scope, Token } from '@/api/types';
import { CodeBlock } from '@/components/CodeBlock';
import { ConfirmButton } from '@/components/ConfirmButton';
import { type Col, DataTable } from '@/components/DataTable';
import { Tag } from '@/components/Mark';
import { Panel } from '@/components/Panel';
import { EmptyState, ErrorState, SkeletonRows, WhenLoaded } from '@/components/states';
import { Ago, Time } from '@/components/Values';
import { Dialog } from '@/components/Dialog';

import classes from './Settings.module.css';

const DAY = 86_400;
const LIVES = { never: null, d30: 30 * DAY, d90: 90 * DAY, d365: 365 * DAY } as const;
type Life = keyof typeof LIVES;

function CreateToken({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const isAdmin = useIsAdmin();
  const [name, setName] = useState('');
  const [scope, setScope] = useState<Scope>('ingest');
  const [life, setLife] = useState<Life>('never');
  const create = useMutation({
    mutationFn: () => {
      const seconds = LIVES[life];
      return change<NewToken>('POST', '/api/tokens', { name: name.trim(), scope, ...(seconds === null ? {} : { expires_in_s: seconds }) });
    },
    onSuccess: () => client.invalidateQueries({ queryKey: tokensQuery.queryKey }),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (name.trim() !== '') create.mutate();
  };
  if (create.data) {
    const { token } = create.data;
    const curl = `curl ${window.location.origin}/ingest/events -H 'Authorization: Bearer ${token}' \\\n  -H 'Content-Type: application/x-ndjson' -d '{"hello": "world"}'`;
    return (
      <Dialog onClose={onClose} title={t('settings.tokenMade')} size="lg" closeOnClickOutside={false}>
        <div className={classes.made}>
          <p>{t('settings.tokenOnce')}</p>
          <CodeBlock code={token} />
          {scope !== 'read' && (
            <>
              <p className="dim">{t('settings.tokenTry')}</p>
              <CodeBlock code={curl} />
            </>
          )}
        </div>
        <div className={classes.foot}>
          <Button onClick={onClose}>{t('settings.tokenKept')}</Button>
        </div>
      </Dialog>
    );
  }
  const scopes: Scope[] = isAdmin ? ['ingest', 'read', 'admin'] : ['ingest', 'read'];
  return (
    <Dialog onClose={onClose} title={t('settings.createToken')}>
      <form className={classes.made} onSubmit={submit}>
        <TextInput data-autofocus label={t('settings.tokenName')} description={t('settings.tokenNameHint')} value={name} onChange={(event) => setName(event.currentTarget.value)} />
        <Select label={t('settings.scope')} data={scopes.map((value) => ({ value, label: t(`scope.${value}`) }))} value={scope} allowDeselect={false} onChange={(value) => value !== null && setScope(value as Scope)} />
        <Select label={t('settings.expires')} data={(Object.keys(LIVES) as Life[]).map((value) => ({ value, label: t(`tokenLife.${value}`) }))} value={life} allowDeselect={false} onChange={(value) => value !== null && setLife(value as Life)} />
        {create.error !== null && <ErrorState error={create.error} />}
        <div className={classes.foot}>
          <Button variant="default" onClick={onClose}>{t('part.cancel')}</Button>
          <Button type="submit" disabled={name.trim() === ''} loading={create.isPending}>{t('settings.create')}</Button>
        </div>
      </form>
    </Dialog>
  );
}

/** Keys for programs: who may send, read or administer; shown once, kept as a hash. */
export function Tokens() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [creating, setCreating] = useState(false);
  const tokens = useQuery(tokensQuery);
  const revoke = useMutation({
    mutationFn: (id: string) => change('DELETE', `/api/tokens/${encodeURIComponent(id)}`),
    onSettled: () => client.invalidateQueries({ queryKey: tokensQuery.queryKey }),
  });
  const cols: Col<Token>[] = [
    { key: 'name', head: t('settings.tokenName'), cell: (token) => token.name, sort: (token) => token.name },
    { key: 'scope', head: t('settings.scope'), cell: (token) => <Tag>{t(`scopeShort.${token.scope}`)}</Tag>, sort: (token) => token.scope },
    { key: 'used', head: t('settings.lastUsed'), cell: (token) => <Ago at={token.last_used_at} />, sort: (token) => token.last_used_at, wide: true },
    { key: 'created', head: t('settings.createdAt'), cell: (token) => <Ago at={token.created_at} />, sort: (token) => token.created_at, wide: true },
    { key: 'expires', head: t('settings.expires'), cell: (token) => (token.expires_at === null ? <span className="dim">{t('tokenLife.never')}</span> : <Time at={token.expires_at} />), sort: (token) => token.expires_at, wide: true },
    { key: 'do', head: <span className="visually-hidden">{t('settings.revoke')}</span>, cell: (token) => <ConfirmButton label={t('settings.revoke')} title={t('settings.revokeTitle', { name: token.name })} hint={t('settings.revokeHint')} onConfirm={() => revoke.mutate(token.id)} />, end: true },
  ];
  const button = (
    <Button leftSection={<IconPlus size={14} />} onClick={() => setCreating(true)}>
      {t('settings.createToken')}
    </Button>
  );
  return (
    <div className={classes.stack}>
      {revoke.error !== null && <ErrorState error={revoke.error} />}
      <Panel title={t('settings.tokens')} note={t('settings.tokensNote')} actions={button} flush>
        <WhenLoaded query={tokens} skeleton={<SkeletonRows rows={3} />}>
          {(data) => <DataTable rows={data} cols={cols} rowKey={(token) => token.id} label={t('settings.tokens')} empty={<EmptyState icon={<IconKey size={26} stroke={1.4} />} title={t('settings.noTokens')} hint={t('settings.noTokensHint')} />} />}
        </WhenLoaded>
      </Panel>
      {creating && <CreateToken onClose={() => setCreating(false)} />}
    </div>
  );
}
