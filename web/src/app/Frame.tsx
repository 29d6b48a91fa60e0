import { Outlet, useRouterState } from '@tanstack/react-router';
import { Suspense, useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';

import { SkeletonRows } from '@/components/states';

import { CommandPalette } from './CommandPalette';
import classes from './Frame.module.css';
import { PasswordBanner } from './PasswordBanner';
import { Rail } from './Rail';
import { ShortcutsOverlay } from './ShortcutsOverlay';
import { TopBar } from './TopBar';

/** The house around every page: rail, top bar, palette, shortcuts. */
export function Frame() {
  const { t } = useTranslation();
  const main = useRef<HTMLElement>(null);
  const path = useRouterState({ select: (state) => state.location.pathname });
  useEffect(() => {
    main.current?.scrollTo(0, 0);
  }, [path]);
  return (
    <div className={classes.frame}>
      <a className={classes.skip} href="#main">
        {t('frame.skip')}
      </a>
      <Rail />
      <TopBar />
      <main id="main" ref={main} className={classes.main} tabIndex={-1}>
        <PasswordBanner />
        <Suspense fallback={<SkeletonRows />}>
          <Outlet />
        </Suspense>
      </main>
      <CommandPalette />
      <ShortcutsOverlay />
    </div>
  );
}
