import { Link, useRouterState } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';

import { DESTINATIONS, isAt } from './destinations';
import classes from './Frame.module.css';
import { Logo } from '@/components/Logo';

export function Rail() {
  const { t } = useTranslation();
  const path = useRouterState({ select: (state) => state.location.pathname });
  return (
    <nav className={classes.rail} aria-label={t('frame.pages')}>
      <Link to="/" className={classes.brand} aria-label={t('frame.toHome')}>
        <Logo size={24} />
      </Link>
      {DESTINATIONS.map(({ to, name, icon: Icon }) => {
        const active = isAt(path, to);
        return (
          <Link
            key={to}
            to={to}
            className={classes.item}
            data-active={active}
            aria-current={active ? 'page' : undefined}
          >
            <Icon size={19} stroke={1.6} aria-hidden />
            {t(`page.${name}`)}
          </Link>
        );
      })}
    </nav>
  );
}
