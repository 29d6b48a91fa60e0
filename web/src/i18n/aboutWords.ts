import type { TFunction } from 'i18next';

/** What Madang says of its own streams, which comes in English; a project may say something else of them. */
const OWN = {
  "Samples of metrics: scraped, pushed, and Madang's own": 'samples',
  "Labels of the samples' series, in a row for every day of a series": 'series',
  'What Madang itself logs': 'logs',
  'Requests that Madang answered': 'accessLog',
  'Who asked what, over which tables, how much and how long': 'queryHistory',
} as const;

const isOwn = (description: string): description is keyof typeof OWN => Object.hasOwn(OWN, description);

/** The description of a stream or its table, in the reader's language where it is Madang's own. */
export function aboutWords(t: TFunction, description: string): string {
  return isOwn(description) ? t(`ownStream.${OWN[description]}`) : description;
}
