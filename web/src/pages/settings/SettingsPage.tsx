import { Tabs } from '@mantine/core';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';

import { useIsAdmin, useSession } from '@/api/queries';
import { Page } from '@/components/Page';

import { Account } from './Account';
import { Appearance } from './Appearance';
import { Tokens } from './Tokens';
import { Users } from './Users';

export default function SettingsPage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const search = useSearch({ from: '/frame/settings' });
  const isAdmin = useIsAdmin();
  const session = useSession();
  const known = ['account', 'appearance', 'tokens', ...(isAdmin ? ['users'] : [])];
  const tab = known.find((name) => name === search.tab) ?? 'account';
  return (
    <Page title={t('page.settings')} note={session && t('settings.note', { platform: session.platform, version: session.version })}>
      <Tabs value={tab} keepMounted={false} onChange={(next) => void navigate({ to: '/settings', replace: true, search: { tab: next === 'account' ? undefined : (next ?? undefined) } })}>
        <Tabs.List mb={16}>
          <Tabs.Tab value="account">{t('settings.account')}</Tabs.Tab>
          <Tabs.Tab value="appearance">{t('settings.appearance')}</Tabs.Tab>
          <Tabs.Tab value="tokens">{t('settings.tokens')}</Tabs.Tab>
          {isAdmin && <Tabs.Tab value="users">{t('settings.users')}</Tabs.Tab>}
        </Tabs.List>
        <Tabs.Panel value="account"><Account /></Tabs.Panel>
        <Tabs.Panel value="appearance"><Appearance /></Tabs.Panel>
        <Tabs.Panel value="tokens"><Tokens /></Tabs.Panel>
        {isAdmin && <Tabs.Panel value="users"><Users /></Tabs.Panel>}
      </Tabs>
    </Page>
  );
}
