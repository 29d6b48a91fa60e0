import { createInstance } from 'i18next';
import { expect, it } from 'vitest';

import { aboutWords } from './aboutWords';
import { en } from './en';
import { ko } from './ko';

const words = async (language: string) => {
  const instance = createInstance();
  await instance.init({ lng: language, resources: { en: { translation: en }, ko: { translation: ko } } });
  return instance.t;
};

it('says what Madang’s own streams are in the language of the reader', async () => {
  expect(aboutWords(await words('ko'), 'What Madang itself logs')).toBe('Madang이 남기는 로그');
  expect(aboutWords(await words('en'), 'What Madang itself logs')).toBe('What Madang itself logs');
});

it('leaves what a project says as it is', async () => {
  expect(aboutWords(await words('ko'), 'Requests of our shop')).toBe('Requests of our shop');
  expect(aboutWords(await words('ko'), 'toString')).toBe('toString');
});
