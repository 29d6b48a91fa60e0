import { IconAlertTriangle, IconCircleX, IconInfoCircle } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';

import { statusQuery } from '@/api/queries';
import type { Problem } from '@/api/types';
import { ProblemText } from '@/components/ProblemText';
import { encodeShared } from '@/sql/shareLink';

import { logsQuery } from './flow';
import classes from './Home.module.css';

const RANK: Problem['severity'][] = ['error', 'warning', 'notice'];
const ICONS = { error: IconCircleX, warning: IconAlertTriangle, notice: IconInfoCircle };

/** Each mistake of the project at its place: the first alone would make fixing them a game of patience. */
function FileErrors() {
  const { data } = useQuery(statusQuery);
  const errors = data?.project.errors ?? [];
  if (errors.length === 0) return null;
  return (
    <ul className={classes.fileErrors} lang="en">
      {errors.slice(0, 20).map(({ message, where, hint }) => {
        const place = where ? [where.name, where.line, where.column].filter(Boolean).join(':') : '';
        return (
          <li key={`${place} ${message}`}>
            <span className="mono">{place}</span> {message}
            {hint && <span className="dim"> · {hint}</span>}
          </li>
        );
      })}
    </ul>
  );
}

/** What somebody should look at, worst first, with the next step a click away. */
export function Problems({ problems }: { problems: Problem[] }) {
  const { t } = useTranslation();
  const worstFirst = problems.toSorted((a, b) => RANK.indexOf(a.severity) - RANK.indexOf(b.severity));
  return (
    <section className={classes.problems} aria-label={t('home.problems')}>
      {worstFirst.map((problem) => {
        const Icon = ICONS[problem.severity];
        const logs = logsQuery(problem);
        return (
          <div key={problem.code + problem.message} className={classes.problem} data-severity={problem.severity}>
            <Icon size={16} aria-label={t(`severity.${problem.severity}`)} />
            <div className={classes.problemText}>
              <ProblemText problem={problem} />
              {problem.code === 'project_broken' && <FileErrors />}
            </div>
            {logs !== null && (
              <Link to="/sql" search={{ q: encodeShared({ sql: logs }) ?? undefined }} className="link">
                {t('home.logs')}
              </Link>
            )}
          </div>
        );
      })}
    </section>
  );
}
