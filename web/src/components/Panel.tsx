import type { ReactNode } from 'react';

import classes from './Panel.module.css';

type Props = {
  title?: ReactNode;
  note?: ReactNode;
  actions?: ReactNode;
  flush?: boolean;
  children: ReactNode;
};

/** A framed part of a page. `flush` lets tables reach the frame. */
export function Panel({ title, note, actions, flush = false, children }: Props) {
  return (
    <section className={classes.panel}>
      {title !== undefined && (
        <header className={classes.head}>
          <h2>{title}</h2>
          {note !== undefined && <div className={classes.note}>{note}</div>}
          {actions !== undefined && <div className={classes.actions}>{actions}</div>}
        </header>
      )}
      <div className={flush ? classes.flush : classes.body}>{children}</div>
    </section>
  );
}
