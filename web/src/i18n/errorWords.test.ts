import { readFileSync } from 'node:fs';

import i18next from 'i18next';
import { beforeAll, describe, expect, it } from 'vitest';

import { en } from './en';
import { error, problem } from './en/errors';
import { errorWords, problemWords } from './errorWords';
import { ko } from './ko';

const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');
const codes = [...read('docs/errors.md').matchAll(/^## (\w+)$/gm)].map((found) => found[1] ?? '');
const problems = [...read('src/madang/operate/health.py').matchAll(/Problem\(\s+"(\w+)"/g)].map((found) => found[1] ?? '');

beforeAll(async () => {
  await i18next.init({ lng: 'ko', resources: { en: { translation: en }, ko: { translation: ko } }, interpolation: { escapeValue: false } });
});

describe('the words of errors', () => {
  // `remote` is of the command line alone.
  it.each(codes.filter((code) => code !== 'remote'))('are there for %s', (code) => {
    expect(Object.keys(error)).toContain(code);
  });
  it('are there for every problem of the platform', () => {
    expect(problems.length).toBeGreaterThan(5);
    expect(Object.keys(problem)).toEqual(expect.arrayContaining(problems));
  });
  it('are the server’s own in English, and below the others in Korean', () => {
    const body = { code: 'not_found', message: "there is no stream 'ordres'", where: null };
    expect(errorWords(i18next.getFixedT('en'), 'en', body)).toEqual({ title: body.message, original: null });
    expect(errorWords(i18next.t, 'ko', body)).toEqual({ title: '찾는 것이 없어요', original: body.message });
  });
  it('know a mistake in a query, and leave a code alone that they do not know', () => {
    const where = { name: 'sql', line: 1, column: 2 };
    expect(errorWords(i18next.t, 'ko', { code: 'invalid_input', message: 'Binder Error', where }).title).toBe('쿼리에 고칠 곳이 있어요');
    expect(errorWords(i18next.t, 'ko', { code: 'brand_new', message: 'well', where: null })).toEqual({ title: 'well', original: null });
  });
  it('name the process that is down', () => {
    const found = { code: 'role_deliver', message: 'the role deliver is down' };
    expect(problemWords(i18next.t, 'ko', found)).toEqual({ title: 'deliver 프로세스가 꺼져서 다시 시작하고 있어요', original: found.message });
    expect(problemWords(i18next.t, 'ko', { code: 'role_restarts', message: 'm' }).title).toBe('프로세스가 여러 번 다시 시작했어요');
  });
});
