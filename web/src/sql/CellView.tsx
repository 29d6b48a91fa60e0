import { useTranslation } from 'react-i18next';

import { CodeBlock } from '@/components/CodeBlock';
import { Dialog } from '@/components/Dialog';

import type { ResultColumn } from './result';

type Props = { column: ResultColumn | undefined; text: string | null; row: number; onClose: () => void };

/** JSON in a text column is laid out as well. */
function laidOut(text: string): string {
  if (!/^\s*[[{]/.test(text)) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/** One value in full. */
export function CellView({ column, text, row, onClose }: Props) {
  const { t } = useTranslation();
  return (
    <Dialog onClose={onClose} size="lg" title={`${column?.name ?? ''} · ${column?.typeName ?? ''} · ${t('sql.rowOf', { n: row + 1 })}`}>
      {text === null ? <span className="dim">{'null'}</span> : <CodeBlock code={laidOut(text)} />}
    </Dialog>
  );
}
