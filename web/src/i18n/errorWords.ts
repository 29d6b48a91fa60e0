import type { TFunction } from 'i18next';

import { OFFLINE } from '@/api/client';
import type { ErrorBody, Problem } from '@/api/types';

import { error, problem } from './en/errors';

/** What a reader sees first, and the server's own English below it where that is another language. */
export type Words = { title: string; original: string | null };

type ErrorKey = keyof typeof error;
type ProblemKey = keyof typeof problem;
const isError = (code: string): code is ErrorKey => code in error;
const isProblem = (code: string): code is ProblemKey => code in problem;

/** The server speaks English, with the values; its codes are stable and have words in every language. */
export function errorWords(t: TFunction, language: string, body: Pick<ErrorBody, 'code' | 'message' | 'where'>): Words {
  const { message } = body;
  if (body.code === OFFLINE) return { title: t('part.offlineTitle'), original: null };
  if (language === 'en' && message !== '' && body.code !== 'ui') return { title: message, original: null };
  const code = body.where?.name === 'sql' ? 'sql' : body.code;
  if (!isError(code)) return { title: message, original: null };
  return { title: t(`error.${code}`), original: message === '' ? null : message };
}

/** A problem of the platform in words; `role_serve`, `role_collect` … are one kind. */
export function problemWords(t: TFunction, language: string, found: Pick<Problem, 'code' | 'message'>): Words {
  const role = /^role_(?!restarts$)(.+)$/.exec(found.code)?.[1];
  const code = role === undefined ? found.code : 'role_down';
  if (language === 'en') return { title: found.message, original: null };
  // What is wrong in a file of the project comes as an error.
  if (!isProblem(code)) return errorWords(t, language, { ...found, where: null });
  return { title: t(`problem.${code}`, { name: role ?? '' }), original: found.message };
}
