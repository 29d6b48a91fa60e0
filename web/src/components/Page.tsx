import { type ReactNode, useEffect } from 'react';

import classes from './Page.module.css';

type Props = { title: string; note?: ReactNode; actions?: ReactNode; children: ReactNode };

/** A page's head and body; the browser's tab carries its title. */
export function Page({ title, note, actions, children }: Props) {
  useEffect(() => {
    document.title = `${title} · Madang`;
  }, [title]);
  return (
    <div className={classes.page}>
      <header className={classes.head}>
        <div className={classes.title}>
          <h1>{title}</h1>
          {note !== undefined && <div className={classes.note}>{note}</div>}
        </div>
        {actions !== undefined && <div className={classes.actions}>{actions}</div>}
      </header>
      {children}
    </div>
  );
}
