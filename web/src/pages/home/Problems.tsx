import { IconAlertTriangle, IconCircleX } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';

import type { Problem } from '@/api/types';
import { ProblemText } from '@/components/ProblemText';

import classes from './Home.module.css';

/** What somebody should look at, worst first. */
export function Problems({ problems }: { problems: Problem[] }) {
  const { t } = useTranslation();
  const worstFirst = problems.toSorted((a, b) => a.severity.localeCompare(b.severity));
  return (
    <section className={classes.problems} aria-label={t('home.problems')}>
      {worstFirst.map((problem) => {
        const Icon = problem.severity === 'error' ? IconCircleX : IconAlertTriangle;
        return (
          <div key={problem.code + problem.message} className={classes.problem} data-severity={problem.severity}>
            <Icon size={16} aria-label={t(`severity.${problem.severity}`)} />
            <div>
              <ProblemText problem={problem} />
            </div>
          </div>
        );
      })}
    </section>
  );
}
