import { IconAlertTriangle, IconCircleCheck, IconCircleX, IconLoader2, IconMinus } from '@tabler/icons-react';
import type { ReactNode } from 'react';

import classes from './Mark.module.css';

export type Tone = 'good' | 'warn' | 'bad' | 'busy' | 'none';

const ICONS = {
  good: IconCircleCheck,
  warn: IconAlertTriangle,
  bad: IconCircleX,
  busy: IconLoader2,
  none: IconMinus,
};

/** A state: colour, icon and word together, never colour alone. */
export function Mark({ tone, children }: { tone: Tone; children: ReactNode }) {
  const Icon = ICONS[tone];
  return (
    <span className={classes.mark} data-tone={tone}>
      <Icon size={14} aria-hidden />
      <span>{children}</span>
    </span>
  );
}

/** A quiet label for a kind: a format, a scope, a role. */
export function Tag({ children }: { children: ReactNode }) {
  return <span className={classes.tag}>{children}</span>;
}
