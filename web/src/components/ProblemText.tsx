import { useTranslation } from 'react-i18next';

import type { Problem } from '@/api/types';
import { problemWords } from '@/i18n/errorWords';

type Props = { problem: Pick<Problem, 'code' | 'message' | 'hint'> };

/** A problem in the reader's language, with the server's own sentence and hint below it. */
export function ProblemText({ problem }: Props) {
  const { t, i18n } = useTranslation();
  const { title, original } = problemWords(t, i18n.language, problem);
  const below = [original, problem.hint].filter(Boolean).join(' · ');
  return (
    <div style={{ minWidth: 0 }}>
      <div>{title}</div>
      {below !== '' && <div className="dim" lang={original === null ? undefined : 'en'}>{below}</div>}
    </div>
  );
}
