import { useMantineColorScheme } from '@mantine/core';
import { Spotlight, type SpotlightActionGroupData } from '@mantine/spotlight';
import { IconDatabase, IconLanguage, IconMoon, IconPlus, IconSearch, IconWaveSine } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';

import { overviewQuery, useIsAdmin } from '@/api/queries';
import { setLanguage } from '@/i18n';

import classes from './CommandPalette.module.css';
import { DESTINATIONS } from './destinations';

/** One search over pages, streams, tables and actions. */
export function CommandPalette() {
  const { t, i18n } = useTranslation();
  const navigate = useNavigate();
  const isAdmin = useIsAdmin();
  const { toggleColorScheme } = useMantineColorScheme();
  const { data } = useQuery({ ...overviewQuery, staleTime: 15_000 });
  const other = i18n.language === 'ko' ? 'en' : 'ko';
  const groups: SpotlightActionGroupData[] = [
    {
      group: t('palette.pages'),
      actions: DESTINATIONS.map(({ to, name, icon: Icon }) => ({
        id: `page:${to}`,
        label: t(`page.${name}`),
        keywords: name,
        leftSection: <Icon size={16} stroke={1.6} />,
        onClick: () => void navigate({ to }),
      })),
    },
    {
      group: t('page.streams'),
      actions: (data?.streams ?? []).map(({ name }) => ({
        id: `stream:${name}`,
        label: name,
        leftSection: <IconWaveSine size={16} stroke={1.6} />,
        onClick: () => void navigate({ to: '/streams/$name', params: { name } }),
      })),
    },
    {
      group: t('page.tables'),
      actions: (data?.tables ?? []).map(({ name }) => ({
        id: `table:${name}`,
        label: name,
        leftSection: <IconDatabase size={16} stroke={1.6} />,
        onClick: () => void navigate({ to: '/tables/$name', params: { name } }),
      })),
    },
    {
      group: t('palette.actions'),
      actions: [
        ...(isAdmin
          ? [
              {
                id: 'create-stream',
                label: t('streams.create'),
                leftSection: <IconPlus size={16} stroke={1.6} />,
                onClick: () => void navigate({ to: '/streams', search: { create: true } }),
              },
            ]
          : []),
        {
          id: 'scheme',
          label: t('palette.scheme'),
          leftSection: <IconMoon size={16} stroke={1.6} />,
          onClick: () => toggleColorScheme(),
        },
        {
          id: 'language',
          label: t(`language.${other}`),
          leftSection: <IconLanguage size={16} stroke={1.6} />,
          onClick: () => void setLanguage(other),
        },
      ],
    },
  ];
  return (
    <Spotlight
      actions={groups.filter((group) => group.actions.length > 0)}
      shortcut={['mod + K']}
      nothingFound={t('palette.nothing')}
      highlightQuery
      scrollable
      limit={30}
      maxHeight={420}
      size={560}
      classNames={classes}
      overlayProps={{ backgroundOpacity: 0.35, blur: 0 }}
      searchProps={{
        leftSection: <IconSearch size={18} stroke={1.6} />,
        placeholder: t('palette.placeholder'),
        'aria-label': t('palette.placeholder'),
      }}
    />
  );
}
