import { spotlight } from '@mantine/spotlight';
import { IconChevronRight, IconSearch } from '@tabler/icons-react';
import { Link, useRouterState } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';

import { DESTINATIONS, isAt } from './destinations';
import classes from './Frame.module.css';
import { HealthDot } from './HealthDot';
import { TimeControl } from './TimeControl';
import { UserMenu } from './UserMenu';

function Crumbs() {
  const { t } = useTranslation();
  const path = useRouterState({ select: (state) => state.location.pathname });
  const page = DESTINATIONS.find(({ to }) => isAt(path, to));
  const rest = decodeURIComponent(path.split('/')[2] ?? '');
  if (!page) return <div className={classes.crumbs} />;
  return (
    <nav className={classes.crumbs} aria-label={t('frame.breadcrumb')}>
      <ol>
        <li className={rest === '' ? undefined : classes.wide}>
          <Link to={page.to} aria-current={rest === '' ? 'page' : undefined}>
            {t(`page.${page.name}`)}
          </Link>
        </li>
        {rest !== '' && (
          <li className="cut">
            <IconChevronRight size={12} className={classes.wide} aria-hidden />
            <span className="cut" aria-current="page">
              {rest}
            </span>
          </li>
        )}
      </ol>
    </nav>
  );
}

export function TopBar() {
  const { t } = useTranslation();
  return (
    <header className={classes.top}>
      <Crumbs />
      <TimeControl />
      <button type="button" className={classes.search} onClick={spotlight.open} aria-label={t('frame.search')}>
        <IconSearch size={15} aria-hidden />
        <span>{t('frame.search')}</span>
        <kbd>{t('frame.searchKey')}</kbd>
      </button>
      <HealthDot />
      <UserMenu />
    </header>
  );
}
