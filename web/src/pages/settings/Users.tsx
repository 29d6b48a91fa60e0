import { Button, PasswordInput, Select, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';

import { change } from '@/api/client';
import { usersQuery, useSession } from '@/api/queries';
import type { Role, User } from '@/api/types';
import { ConfirmButton } from '@/components/ConfirmButton';
import { type Col, DataTable } from '@/components/DataTable';
import { Tag } from '@/components/Mark';
import { Panel } from '@/components/Panel';
import { ErrorState, SkeletonRows, WhenLoaded } from '@/components/states';
import { Ago } from '@/components/Values';

import classes from './Settings.module.css';

const ROLES: Role[] = ['viewer', 'editor', 'admin'];

function AddUser() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const [role, setRole] = useState<Role>('viewer');
  const add = useMutation({
    mutationFn: () => change('POST', '/api/users', { name: name.trim(), password, role }),
    onSuccess: async () => {
      setName('');
      setPassword('');
      await client.invalidateQueries({ queryKey: usersQuery.queryKey });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    add.mutate();
  };
  return (
    <Panel title={t('settings.addUser')}>
      <form className={classes.inline} onSubmit={submit}>
        <TextInput label={t('signin.name')} autoComplete="off" autoCapitalize="none" value={name} onChange={(event) => setName(event.currentTarget.value)} />
        <PasswordInput label={t('settings.firstPassword')} autoComplete="new-password" value={password} onChange={(event) => setPassword(event.currentTarget.value)} />
        <Select label={t('settings.role')} data={ROLES.map((value) => ({ value, label: t(`roleHint.${value}`) }))} value={role} allowDeselect={false} onChange={(value) => value !== null && setRole(value as Role)} />
        <Button type="submit" size="sm" disabled={name.trim() === '' || password === ''} loading={add.isPending}>{t('settings.add')}</Button>
      </form>
      {add.error !== null && <div style={{ marginTop: 12 }}><ErrorState error={add.error} /></div>}
    </Panel>
  );
}

export function Users() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const me = useSession()?.user.name;
  const users = useQuery(usersQuery);
  const remove = useMutation({
    mutationFn: (name: string) => change('DELETE', `/api/users/${encodeURIComponent(name)}`),
    onSettled: () => client.invalidateQueries({ queryKey: usersQuery.queryKey }),
  });
  const cols: Col<User>[] = [
    { key: 'name', head: t('signin.name'), cell: (user) => <>{user.name} {user.name === me && <span className="dim">{t('settings.you')}</span>}</>, sort: (user) => user.name },
    { key: 'role', head: t('settings.role'), cell: (user) => <Tag>{t(`role.${user.role}`)}</Tag>, sort: (user) => user.role },
    { key: 'seen', head: t('settings.lastSeen'), cell: (user) => <Ago at={user.last_seen_at} />, sort: (user) => user.last_seen_at, wide: true },
    { key: 'created', head: t('settings.createdAt'), cell: (user) => <Ago at={user.created_at} />, sort: (user) => user.created_at, wide: true },
    {
      key: 'do',
      head: <span className="visually-hidden">{t('settings.remove')}</span>,
      cell: (user) => (user.name === me ? null : <ConfirmButton label={t('settings.remove')} title={t('settings.removeTitle', { name: user.name })} hint={t('settings.removeHint')} onConfirm={() => remove.mutate(user.name)} />),
      end: true,
    },
  ];
  return (
    <div className={classes.stack}>
      {remove.error !== null && <ErrorState error={remove.error} />}
      <Panel title={t('settings.users')} flush>
        <WhenLoaded query={users} skeleton={<SkeletonRows rows={3} />}>
          {(data) => <DataTable rows={data} cols={cols} rowKey={(user) => user.name} label={t('settings.users')} />}
        </WhenLoaded>
      </Panel>
      <AddUser />
    </div>
  );
}
