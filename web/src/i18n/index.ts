import i18next from 'i18next';
import { initReactI18next } from 'react-i18next';

import type { en } from './en';
import { preference, setPreference } from './preferences';

export const LANGUAGES = ['en', 'ko'] as const;
export type Language = (typeof LANGUAGES)[number];

/** Every key of English, as text; Korean has one plural form, so `_one` may be missing. */
type Texts<T> = {
  [K in keyof T as K extends `${string}_one` ? never : K]: T[K] extends string ? string : Texts<T[K]>;
};
export type Dictionary = Texts<typeof en>;

declare module 'i18next' {
  interface CustomTypeOptions {
    resources: { translation: typeof en };
  }
}

const loaders: Record<Language, () => Promise<unknown>> = {
  en: async () => (await import('./en')).en,
  ko: async () => (await import('./ko')).ko,
};

export function firstLanguage(): Language {
  const chosen = preference('language') ?? navigator.language;
  return chosen.startsWith('ko') ? 'ko' : 'en';
}

async function load(language: Language): Promise<void> {
  if (!i18next.hasResourceBundle(language, 'translation')) {
    i18next.addResourceBundle(language, 'translation', await loaders[language]());
  }
  document.documentElement.lang = language;
}

/** Only the reader's language is fetched. */
export async function startI18n(): Promise<void> {
  const language = firstLanguage();
  await i18next.use(initReactI18next).init({
    lng: language,
    fallbackLng: false,
    interpolation: { escapeValue: false },
    returnNull: false,
    resources: {},
  });
  await load(language);
  await i18next.changeLanguage(language);
}

export async function setLanguage(language: Language): Promise<void> {
  setPreference('language', language);
  await load(language);
  await i18next.changeLanguage(language);
}
