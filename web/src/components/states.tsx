import { Button, Skeleton } from '@mantine/core';
import { IconAlertTriangle, IconCloudOff, IconHistory, IconRefresh } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';

import { OFFLINE, toErrorBody } from '@/api/client';
import { errorWords } from '@/i18n/errorWords';

import { CopyButton } from './CopyButton';
import classes from './states.module.css';
import { Ago } from './Values';

type ErrorProps = {
  error: unknown;
  onRetry?: (() => void) | undefined;
  /** A link to what was probably meant, where the server knows a near match. */
  near?: (name: string) => ReactNode;
};

/** What went wrong, where, what next; to copy, and to try again. */
export function ErrorState({ error, onRetry, near }: ErrorProps) {
  const { t, i18n } = useTranslation();
  const body = toErrorBody(error);
  const offline = body.code === OFFLINE;
  const { title, original } = errorWords(t, i18n.language, body);
  const where = body.where
    ? [body.where.name, body.where.line, body.where.column].filter(Boolean).join(':')
    : null;
  const match = near && nearMatch(body.hint);
  const Icon = offline ? IconCloudOff : IconAlertTriangle;
  return (
    <div className={classes.error} role="alert">
      <Icon size={18} className={classes.errorIcon} aria-hidden />
      <div className={classes.errorText}>
        <strong>{title}</strong>
        {offline && <p>{t('part.offlineHint')}</p>}
        {original !== null && <p className={classes.original} lang="en">{original}</p>}
        {where !== null && <p className="mono">{where}</p>}
        {match ? (
          <p>
            {t('part.near')} {near(match)}
          </p>
        ) : (
          body.hint && <p className={original === null ? undefined : classes.original} lang={original === null ? undefined : 'en'}>{body.hint}</p>
        )}
        <div className={classes.errorActions}>
          {onRetry && (
            <Button size="xs" variant="default" leftSection={<IconRefresh size={14} />} onClick={onRetry}>
              {t('part.retry')}
            </Button>
          )}
          <CopyButton
            label={t('part.copyError')}
            text={[body.code, body.message, where, body.hint].filter(Boolean).join('\n')}
          />
        </div>
      </div>
    </div>
  );
}

/** The name in a hint such as `did you mean 'orders'?`. */
function nearMatch(hint: string | null | undefined): string | undefined {
  return /did you mean '([^']+)'/.exec(hint ?? '')?.[1];
}

/** An error in a line or two, for a notification or a field. */
export function ErrorLine({ error }: { error: unknown }) {
  const { t, i18n } = useTranslation();
  const { title, original } = errorWords(t, i18n.language, toErrorBody(error));
  return (
    <>
      {title}
      {original !== null && <span className={classes.originalLine} lang="en">{original}</span>}
    </>
  );
}

type EmptyProps = { icon?: ReactNode; title: string; hint?: ReactNode; children?: ReactNode };

/** What goes here, and the one thing that fills it. */
export function EmptyState({ icon, title, hint, children }: EmptyProps) {
  return (
    <div className={classes.empty}>
      {icon !== undefined && <div className={classes.emptyIcon}>{icon}</div>}
      <strong>{title}</strong>
      {hint !== undefined && <p className="dim">{hint}</p>}
      {children}
    </div>
  );
}

/** The last good picture, marked as old. */
export function StaleNote({ sinceMs, error }: { sinceMs: number; error: unknown }) {
  const { t, i18n } = useTranslation();
  const { title, original } = errorWords(t, i18n.language, toErrorBody(error));
  return (
    <div className={classes.stale} role="status">
      <IconHistory size={14} aria-hidden />
      <span title={original ?? undefined}>
        {t('part.stale')} <Ago at={new Date(sinceMs).toISOString()} />
        {' · '}
        {title}
      </span>
    </div>
  );
}

/** Rows of a table that has not arrived, in its height, so that nothing jumps. */
export function SkeletonRows({ rows = 6, height = 36 }: { rows?: number; height?: number }) {
  return (
    <div aria-busy="true">
      {Array.from({ length: rows }, (_, index) => (
        <div key={index} className={classes.skeletonRow} style={{ height }}>
          <Skeleton height={10} width={`${String(18 + ((index * 37) % 17))}%`} />
          <Skeleton height={10} width="8%" />
          <Skeleton height={10} width={`${String(10 + ((index * 23) % 12))}%`} />
          <Skeleton height={10} width="12%" ml="auto" />
        </div>
      ))}
    </div>
  );
}

type Loaded<T> = {
  data: T | undefined;
  error: unknown;
  dataUpdatedAt: number;
  refetch: () => unknown;
};

type LoadedProps<T> = {
  query: Loaded<T>;
  skeleton: ReactNode;
  children: (data: T) => ReactNode;
};

/** Loading, error, stale or the data itself. */
export function WhenLoaded<T>({ query, skeleton, children }: LoadedProps<T>) {
  const { data, error } = query;
  if (data !== undefined) {
    return (
      <>
        {error !== null && <StaleNote sinceMs={query.dataUpdatedAt} error={error} />}
        {children(data)}
      </>
    );
  }
  if (error !== null) return <ErrorState error={error} onRetry={() => void query.refetch()} />;
  return skeleton;
}
