import { IconKey } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';

import { useSession } from '@/api/queries';

import classes from './Frame.module.css';

/** After a one-time link: without a password the next visit needs another link. */
export function PasswordBanner() {
  const { t } = useTranslation();
  if (useSession()?.must_set_password !== true) return null;
  return (
    <div className={classes.banner} role="status">
      <IconKey size={16} aria-hidden />
      <span>{t('frame.setPassword')}</span>
      <Link to="/settings">{t('frame.setPasswordLink')}</Link>
    </div>
  );
}
