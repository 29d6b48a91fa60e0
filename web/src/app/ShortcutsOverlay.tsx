import { useTranslation } from 'react-i18next';
import { Dialog } from '@/components/Dialog';

import { DESTINATIONS } from './destinations';
import { useShortcuts } from './shortcuts';
import classes from './ShortcutsOverlay.module.css';

function Line({ keys, says }: { keys: string[]; says: string }) {
  return (
    <div className={classes.line}>
      <span>{says}</span>
      <span>
        {keys.map((key) => (
          <kbd key={key}>{key}</kbd>
        ))}
      </span>
    </div>
  );
}

export function ShortcutsOverlay() {
  const { t } = useTranslation();
  const [opened, setOpened] = useShortcuts();
  return (
    <Dialog opened={opened} onClose={() => setOpened(false)} title={t('frame.shortcuts')} size={420}>
      <Line keys={['Ctrl', 'K']} says={t('frame.search')} />
      {DESTINATIONS.map(({ name, key }) => (
        <Line key={key} keys={['g', key]} says={t('frame.goTo', { page: t(`page.${name}`) })} />
      ))}
      <Line keys={['Ctrl', 'Enter']} says={t('sql.run')} />
      <Line keys={['Esc']} says={t('sql.cancel')} />
      <Line keys={['Esc', 'Tab']} says={t('frame.leaveEditor')} />
      <Line keys={['o']} says={t('frame.orderKey')} />
      <Line keys={['Shift', '← →']} says={t('frame.resizeKeys')} />
      <Line keys={['?']} says={t('frame.shortcuts')} />
    </Dialog>
  );
}
