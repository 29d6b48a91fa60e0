import { Menu, useMantineColorScheme } from '@mantine/core';
import {
  IconDeviceDesktop,
  IconKeyboard,
  IconLanguage,
  IconLogout,
  IconMoon,
  IconSun,
  IconUserCog,
} from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';

import { change } from '@/api/client';
import { useSession } from '@/api/queries';
import { setLanguage } from '@/i18n';

import classes from './Frame.module.css';
import { openShortcuts } from './shortcuts';

const SCHEMES = [
  { scheme: 'light', icon: IconSun },
  { scheme: 'dark', icon: IconMoon },
  { scheme: 'auto', icon: IconDeviceDesktop },
] as const;

export function UserMenu() {
  const { t, i18n } = useTranslation();
  const session = useSession();
  const client = useQueryClient();
  const navigate = useNavigate();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const name = session?.user.name ?? '';
  const other = i18n.language === 'ko' ? 'en' : 'ko';
  const signOut = async () => {
    await change('DELETE', '/api/session').catch(() => undefined);
    client.clear();
    await navigate({ to: '/signin', search: { error: undefined, next: undefined } });
  };
  return (
    <Menu width={220}>
      <Menu.Target>
        <button type="button" className={classes.avatar} aria-label={t('frame.userMenu', { name })}>
          {name.slice(0, 1).toUpperCase()}
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          {name} · {session && t(`role.${session.user.role}`)}
        </Menu.Label>
        <Menu.Item leftSection={<IconUserCog size={15} />} onClick={() => void navigate({ to: '/settings' })}>
          {t('page.settings')}
        </Menu.Item>
        <Menu.Item leftSection={<IconKeyboard size={15} />} onClick={openShortcuts}>
          {t('frame.shortcuts')}
        </Menu.Item>
        <Menu.Divider />
        {SCHEMES.map(({ scheme, icon: Icon }) => (
          <Menu.Item
            key={scheme}
            closeMenuOnClick={false}
            leftSection={<Icon size={15} />}
            rightSection={colorScheme === scheme ? t('frame.chosen') : undefined}
            onClick={() => setColorScheme(scheme)}
          >
            {t(`scheme.${scheme}`)}
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Item leftSection={<IconLanguage size={15} />} onClick={() => void setLanguage(other)}>
          {t(`language.${other}`)}
        </Menu.Item>
        <Menu.Divider />
        <Menu.Item leftSection={<IconLogout size={15} />} onClick={() => void signOut()}>
          {t('frame.signOut')}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
