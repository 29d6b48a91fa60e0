import { IconMapOff } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';

import { EmptyState } from '@/components/states';

export function NotFound() {
  const { t } = useTranslation();
  return (
    <>
      <h1 className="visually-hidden">{t('frame.notFound')}</h1>
      <EmptyState icon={<IconMapOff size={28} />} title={t('frame.notFound')} hint={t('frame.notFoundHint')}>
        <Link to="/" className="link">
          {t('frame.toHome')}
        </Link>
      </EmptyState>
    </>
  );
}
