import { IconKey } from '@tabler/icons-react';
import { Link, useRouterState } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';

import { useSession } from '@/api/queries';

import classes from './Frame.module.css';

/** After a one-time link: without a password the next visit needs another link. */
export function PasswordBanner() {
  const { t } = useTranslation();
  const session = useSession();
  const settings = useRouterState({ select: ({ location }) => location.pathname === '/settings' && (location.search.tab ?? 'account') === 'account' });
  // The form itself is there already.
  if (session?.must_set_password !== true || settings) return null;
  return (
    <div className={classes.banner} role="status">
      <IconKey size={16} aria-hidden />
      <span>{t('frame.setPassword')}</span>
      <Link to="/settings">{t('frame.setPasswordLink')}</Link>
    </div>
  );
}
