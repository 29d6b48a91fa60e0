import { type KeyboardEvent, type PointerEvent, type ReactNode, useRef, useState } from 'react';

import { preference, setPreference } from '@/i18n/preferences';

import classes from './Sql.module.css';

type Props = { storageKey: string; label: string; children: [ReactNode, ReactNode] };
const clamp = (share: number) => Math.min(80, Math.max(12, share));

/** Two parts above each other; the bar between them is moved by pointer or arrow keys, and remembered. */
export function Splitter({ storageKey, label, children }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const [share, setShare] = useState(() => clamp(Number(preference(storageKey) ?? '32') || 32));
  const move = (next: number) => {
    const value = clamp(next);
    setShare(value);
    setPreference(storageKey, value.toFixed(1));
  };
  const onPointerMove = (event: PointerEvent<HTMLDivElement>) => {
    const rect = box.current?.getBoundingClientRect();
    if (!rect || !event.currentTarget.hasPointerCapture(event.pointerId)) return;
    move(((event.clientY - rect.top) / rect.height) * 100);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'ArrowUp') move(share - 4);
    else if (event.key === 'ArrowDown') move(share + 4);
    else return;
    event.preventDefault();
  };
  return (
    <div ref={box} className={classes.split} style={{ gridTemplateRows: `minmax(80px, ${String(share)}%) 5px minmax(0, 1fr)` }}>
      {children[0]}
      <div
        role="separator"
        tabIndex={0}
        aria-orientation="horizontal"
        aria-label={label}
        aria-valuenow={Math.round(share)}
        aria-valuemin={12}
        aria-valuemax={80}
        className={classes.splitBar}
        onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
        onPointerMove={onPointerMove}
        onKeyDown={onKeyDown}
      />
      {children[1]}
    </div>
  );
}
