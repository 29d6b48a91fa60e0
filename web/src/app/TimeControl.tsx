import { Button, Popover, Select, TextInput, UnstyledButton } from '@mantine/core';
import { IconClock } from '@tabler/icons-react';
import { useNavigate, useRouterState, useSearch } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';

import { useSession } from '@/api/queries';
import { setPreference, usePreference } from '@/i18n/preferences';
import { DEFAULT_RANGE, parseRange, RANGES, spanWords, wallRange } from '@/i18n/range';
import { useRangeAsked } from '@/i18n/rangeAsked';
import { offsetLabel } from '@/i18n/time';
import { useFormat } from '@/i18n/useFormat';

import classes from './Frame.module.css';
import own from './TimeControl.module.css';

/** Pages whose content follows the range, the SQL page while its query asks for it; the zone counts everywhere. */
const RANGED = /^\/tables\//;

function ZoneSelect() {
  const { t } = useTranslation();
  const chosen = usePreference('zone');
  const platform = useSession()?.time_zone;
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const [now] = useState(Date.now);
  const named = [...new Set([here, platform ?? 'UTC', 'UTC'])];
  const all = Intl.supportedValuesOf('timeZone').filter((zone) => !named.includes(zone));
  const item = (value: string) => ({ value, label: `${value} · ${offsetLabel(now, value)}` });
  return (
    <Select
      label={t('time.zone')}
      searchable
      maxDropdownHeight={220}
      comboboxProps={{ withinPortal: false }}
      value={chosen ?? here}
      data={[
        { group: t('time.zonesNear'), items: named.map(item) },
        { group: t('time.zonesAll'), items: all.map(item) },
      ]}
      onChange={(zone) => setPreference('zone', zone === here ? null : zone)}
    />
  );
}

function CustomRange({ onPick }: { onPick: (range: string) => void }) {
  const { t } = useTranslation();
  const format = useFormat();
  const [from, setFrom] = useState(() => format.time(Date.now() - 3_600_000).slice(0, 16));
  const [to, setTo] = useState(() => format.time(Date.now()).slice(0, 16));
  const range = wallRange(from, to, format.zone);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (range !== null) onPick(range);
  };
  return (
    <form onSubmit={submit} className={own.custom}>
      <TextInput size="xs" label={t('time.from')} value={from} onChange={(e) => setFrom(e.currentTarget.value)} />
      <TextInput
        size="xs"
        label={t('time.to')}
        value={to}
        error={range === null ? t('time.invalid') : undefined}
        onChange={(e) => setTo(e.currentTarget.value)}
      />
      <Button type="submit" variant="default" disabled={range === null}>
        {t('time.apply')}
      </Button>
    </form>
  );
}

/** One time range and one zone over every page; the URL holds the range as `t`. */
export function TimeControl() {
  const { t } = useTranslation();
  const format = useFormat();
  const [opened, setOpened] = useState(false);
  const { t: text } = useSearch({ strict: false });
  const navigate = useNavigate();
  const path = useRouterState({ select: (state) => state.location.pathname });
  const asked = useRangeAsked();
  const onSql = path === '/sql';
  const ranged = onSql ? asked : RANGED.test(path);
  const [now] = useState(Date.now);
  const range = parseRange(text ?? DEFAULT_RANGE, now);
  const pick = (value: string) => {
    setOpened(false);
    void navigate({ to: '.', search: (old) => ({ ...old, t: value === DEFAULT_RANGE ? undefined : value }) });
  };
  const says =
    range === null || range.relative
      ? t('time.last', { span: spanWords(text ?? DEFAULT_RANGE, format.language) })
      : `${format.time(range.startMs).slice(0, 16)} – ${format.time(range.endMs).slice(0, 16)}`;
  return (
    <Popover opened={opened} onChange={setOpened} width={320} position="bottom-end" trapFocus>
      <Popover.Target>
        <button type="button" className={classes.chip} onClick={() => setOpened(!opened)} aria-label={t('time.title')}>
          <IconClock size={15} stroke={1.6} aria-hidden />
          {ranged && <span className={classes.wide}>{says}</span>}
          <span className={`dim ${classes.wide ?? ''}`}>{offsetLabel(now, format.zone)}</span>
        </button>
      </Popover.Target>
      <Popover.Dropdown>
        {ranged ? (
          <>
            <div className={own.presets}>
              {RANGES.map((value) => (
                <UnstyledButton
                  key={value}
                  className={own.preset}
                  data-active={(text ?? DEFAULT_RANGE) === value}
                  onClick={() => pick(value)}
                >
                  {value}
                </UnstyledButton>
              ))}
            </div>
            <CustomRange onPick={pick} />
          </>
        ) : (
          <p className="dim">{onSql ? t('time.notAsked') : t('time.liveHere')}</p>
        )}
        <ZoneSelect />
      </Popover.Dropdown>
    </Popover>
  );
}
