import { Tabs } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';

import { streamQuery } from '@/api/queries';
import type { StreamDetail } from '@/api/types';
import { Fact, Facts } from '@/components/Facts';
import { Page } from '@/components/Page';
import { Panel } from '@/components/Panel';
import { ErrorState, SkeletonRows, WhenLoaded } from '@/components/states';
import { Ago, Bytes, Count, Duration, Rate } from '@/components/Values';
import { Sparkline } from '@/components/Sparkline';
import { aboutWords } from '@/i18n/aboutWords';

import { DeadLetters } from './DeadLetters';
import { Spec } from './Spec';
import classes from './Streams.module.css';
import { Tail } from './Tail';
import { TimeFallbacks } from './TimeFallbacks';

function StreamFacts({ stream }: { stream: StreamDetail }) {
  const { t } = useTranslation();
  return (
    <Facts>
      <Fact name={t('streams.rate')}>
        <div style={{ display: 'flex', gap: 12, alignItems: 'center' }}>
          <Rate value={stream.records_per_s} />
          <span className={classes.wide}>
            <Sparkline values={stream.history} width={80} height={22} label={t('home.rateOf', { name: stream.name })} />
          </span>
        </div>
      </Fact>
      <Fact name={t('streams.records')}><Count value={stream.records_total} /></Fact>
      <Fact name={t('streams.size')}><Bytes value={stream.size_bytes} /></Fact>
      <Fact name={t('streams.lag')}><Count value={stream.lag_records} /></Fact>
      <Fact name={t('streams.freshness')}>{stream.lag_records === 0 && stream.last_append_at !== null ? t('home.upToDate') : <Duration value={stream.freshness_s} />}</Fact>
      <Fact name={t('streams.lastRecord')}><Ago at={stream.last_append_at} /></Fact>
    </Facts>
  );
}

const TABS = ['tail', 'spec', 'dead'] as const;

export default function StreamPage() {
  const { t } = useTranslation();
  const { name } = useParams({ from: '/frame/streams/$name' });
  const search = useSearch({ from: '/frame/streams/$name' });
  const navigate = useNavigate();
  const stream = useQuery({ ...streamQuery(name), refetchInterval: 3000 });
  const tab = TABS.find((known) => known === search.tab) ?? 'tail';
  const data = stream.data;
  const note = data && (
    <>
      {[aboutWords(t, data.description), data.owner !== '' && t('streams.ownedBy', { owner: data.owner })].filter(Boolean).join(' · ')}
      {data.table !== null && (
        <>
          {data.description !== '' || data.owner !== '' ? ' · ' : ''}
          {t('streams.fills')}{' '}
          <Link to="/tables/$name" params={{ name: data.table }} className="link">
            {data.table}
          </Link>
        </>
      )}
    </>
  );
  if (stream.error !== null && !data) {
    return (
      <Page title={name}>
        <ErrorState
          error={stream.error}
          onRetry={() => void stream.refetch()}
          near={(match) => <Link to="/streams/$name" params={{ name: match }} className="link">{match}</Link>}
        />
      </Page>
    );
  }
  return (
    <Page title={name} note={note}>
      <WhenLoaded query={stream} skeleton={<Panel flush><SkeletonRows rows={1} height={58} /></Panel>}>
        {(loaded) => <><StreamFacts stream={loaded} /><TimeFallbacks stream={loaded} /></>}
      </WhenLoaded>
      <Tabs
        value={tab}
        keepMounted={false}
        onChange={(next) => void navigate({ to: '.', replace: true, search: (old) => ({ ...old, tab: next === 'tail' ? undefined : (next ?? undefined) }) })}
      >
        <Tabs.List mb={16}>
          <Tabs.Tab value="tail">{t('streams.tail')}</Tabs.Tab>
          <Tabs.Tab value="spec">{t('streams.spec')}</Tabs.Tab>
          <Tabs.Tab value="dead">
            {t('streams.dead')} {data && data.dead_letters > 0 ? <span className={classes.dead}><Count value={data.dead_letters} /></span> : null}
          </Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="tail"><Tail key={name} stream={name} /></Tabs.Panel>
        <Tabs.Panel value="spec">
          <WhenLoaded query={stream} skeleton={<Panel flush><SkeletonRows /></Panel>}>{(loaded) => <Spec stream={loaded} />}</WhenLoaded>
        </Tabs.Panel>
        <Tabs.Panel value="dead"><DeadLetters stream={name} total={data?.dead_letters ?? 0} /></Tabs.Panel>
      </Tabs>
    </Page>
  );
}
