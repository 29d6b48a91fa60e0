import { type PointerEvent, useRef, useState } from 'react';

const LEAST = 48;
type Widths = Record<string, number>;

/**
 * Widths of a table's columns, in pixels, once one of them was dragged; until then the browser lays the table
 * out. A double click gives it back.
 */
export function useColumnWidths() {
  const table = useRef<HTMLTableElement>(null);
  const [widths, setWidths] = useState<Widths | null>(null);

  /** As the columns are now, so that the others keep their place. */
  const measured = (): Widths => {
    const found: Widths = {};
    for (const head of table.current?.querySelectorAll<HTMLElement>('th[data-key]') ?? []) {
      if (head.offsetWidth > 0) found[head.dataset['key'] ?? ''] = head.getBoundingClientRect().width;
    }
    return found;
  };
  const nudge = (key: string, by: number) => {
    const now = measured();
    setWidths({ ...now, [key]: Math.max(LEAST, (now[key] ?? LEAST) + by) });
  };
  const grip = (key: string) => ({
    onPointerDown: (event: PointerEvent<HTMLElement>) => {
      event.preventDefault();
      const target = event.currentTarget;
      const before = measured();
      const from = event.clientX;
      target.setPointerCapture(event.pointerId);
      const move = (moved: globalThis.PointerEvent) =>
        setWidths({ ...before, [key]: Math.max(LEAST, (before[key] ?? LEAST) + moved.clientX - from) });
      const end = () => target.removeEventListener('pointermove', move);
      target.addEventListener('pointermove', move);
      target.addEventListener('pointerup', end, { once: true });
      target.addEventListener('pointercancel', end, { once: true });
    },
    onDoubleClick: () => setWidths(null),
  });
  return { table, widths, grip, nudge };
}
