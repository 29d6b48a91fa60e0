import type { ReactNode } from 'react';

import classes from './Facts.module.css';

/** The few figures that say how one thing is: a row of names with their values. */
export function Facts({ children }: { children: ReactNode }) {
  return <dl className={classes.facts}>{children}</dl>;
}

export function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className={classes.fact}>
      <dt title={name}>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
