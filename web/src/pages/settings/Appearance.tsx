import { SegmentedControl, useMantineColorScheme } from '@mantine/core';
import { useTranslation } from 'react-i18next';

import { Panel } from '@/components/Panel';
import { type Language, LANGUAGES, setLanguage } from '@/i18n';

import classes from './Settings.module.css';

export function Appearance() {
  const { t, i18n } = useTranslation();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  return (
    <Panel title={t('settings.appearance')} note={t('settings.thisBrowser')}>
      <div className={classes.setting}>
        <span id="scheme-label">{t('settings.scheme')}</span>
        <SegmentedControl
          aria-labelledby="scheme-label"
          value={colorScheme}
          onChange={(value) => setColorScheme(value as typeof colorScheme)}
          data={(['light', 'dark', 'auto'] as const).map((value) => ({ value, label: t(`scheme.${value}`) }))}
        />
      </div>
      <div className={classes.setting}>
        <span id="language-label">{t('settings.language')}</span>
        <SegmentedControl aria-labelledby="language-label" value={i18n.language} onChange={(value) => void setLanguage(value as Language)} data={LANGUAGES.map((value) => ({ value, label: t(`language.${value}`) }))} />
      </div>
    </Panel>
  );
}
