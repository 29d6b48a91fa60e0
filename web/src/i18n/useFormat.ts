import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';

import { formatBytes, formatCount, formatDuration, formatExact, formatRelative } from './format';
import { usePreference } from './preferences';
import { formatTime, isZone, offsetLabel } from './time';

/** The reader's zone: chosen, or the browser's. */
export function useZone(): string {
  const chosen = usePreference('zone');
  if (chosen !== null && isZone(chosen)) return chosen;
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/** Formatters bound to the reader's language and zone. */
export function useFormat() {
  const { i18n } = useTranslation();
  const language = i18n.language;
  const zone = useZone();
  return useMemo(
    () => ({
      language,
      zone,
      count: (value: number) => formatCount(value, language),
      exact: (value: number | bigint) => formatExact(value, language),
      bytes: (value: number) => formatBytes(value, language),
      duration: (seconds: number) => formatDuration(seconds, language),
      relative: (atMs: number, nowMs: number) => formatRelative(atMs, nowMs, language),
      time: (atMs: number) => formatTime(atMs, zone),
      timeAndZone: (atMs: number) => `${formatTime(atMs, zone)} ${offsetLabel(atMs, zone)}`,
    }),
    [language, zone],
  );
}
