import { Popover } from '@mantine/core';
import { IconAlertTriangle, IconCircleCheckFilled, IconCircleX, IconCloudOff, IconInfoCircle } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';

import { overviewQuery, statusQuery } from '@/api/queries';
import type { Problem } from '@/api/types';
import { ProblemText } from '@/components/ProblemText';
import { Bytes } from '@/components/Values';

import classes from './Frame.module.css';

const COLORS = { ok: 'var(--good)', degraded: 'var(--warn)', down: 'var(--bad)', unknown: 'var(--faint)' };
const ICONS = { ok: IconCircleCheckFilled, degraded: IconAlertTriangle, down: IconCircleX, unknown: IconCloudOff };

const MARKS = {
  error: [IconCircleX, COLORS.down],
  warning: [IconAlertTriangle, COLORS.degraded],
  notice: [IconInfoCircle, COLORS.unknown],
} as const;

function ProblemItem({ problem }: { problem: Pick<Problem, 'code' | 'severity' | 'message' | 'hint'> }) {
  const [Icon, color] = MARKS[problem.severity];
  return (
    <div className={classes.problem}>
      <Icon size={15} color={color} aria-hidden />
      <ProblemText problem={problem} />
    </div>
  );
}

/** How the platform is, in one mark; its problems in a click. */
export function HealthDot() {
  const { t } = useTranslation();
  const status = useQuery({ ...statusQuery, refetchInterval: 10_000 });
  // Where a page polls the overview, that is newer: the mark must not contradict the page.
  const overview = useQuery({ ...overviewQuery, enabled: false });
  const newer = overview.dataUpdatedAt > status.dataUpdatedAt ? overview.data : undefined;
  const data = status.data;
  const seen = newer ?? data;
  const health = status.error !== null || !seen ? 'unknown' : seen.health;
  const Icon = ICONS[health];
  const broken = (data?.project.errors ?? []).map((error) => ({
    code: error.code,
    severity: 'error' as const,
    message: error.message,
    hint: [error.where && [error.where.name, error.where.line].filter(Boolean).join(':'), error.hint]
      .filter(Boolean)
      .join(' · '),
  }));
  const problems = [...(seen?.problems ?? []), ...broken];
  return (
    <Popover width={360} position="bottom-end">
      <Popover.Target>
        <button type="button" className={classes.chip} aria-label={t('frame.health', { state: t(`health.${health}`) })}>
          <Icon size={16} color={COLORS[health]} aria-hidden />
          {problems.length > 0 ? <span>{problems.length}</span> : null}
        </button>
      </Popover.Target>
      <Popover.Dropdown>
        <strong>{t(`health.${health}`)}</strong>
        {health === 'unknown' && <div className="dim">{t('part.offlineHint')}</div>}
        {health !== 'unknown' && problems.length === 0 && <div className="dim">{t('health.none')}</div>}
        {problems.map((problem) => (
          <ProblemItem key={problem.message + String(problem.hint)} problem={problem} />
        ))}
        {data && (
          <div className={classes.problem}>
            <span className="dim">
              {t('health.diskFree')} <Bytes value={data.disk.free_bytes} />
            </span>
          </div>
        )}
      </Popover.Dropdown>
    </Popover>
  );
}
