import { Button } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { memo, useState } from 'react';
import { useTranslation } from 'react-i18next';

import type { Overview } from '@/api/types';
import { isOnTheWay } from '@/components/onTheWay';
import { Panel } from '@/components/Panel';
import { Sparkline } from '@/components/Sparkline';
import { Ago, Bytes, Counted, Duration, Rate } from '@/components/Values';

import classes from './Flow.module.css';
import { type Lane, lanes, laneTone, laneWidth } from './flow';

const SHOWN = 12;
const ROW = 56;

/** Curves from the one way in to every stream's row. */
function Fan({ list }: { list: readonly Lane[] }) {
  const height = list.length * ROW;
  const middle = Math.min(height / 2, ROW * 3);
  return (
    <svg className={classes.fan} width="56" height={height} aria-hidden>
      {list.map(({ stream }, index) => {
        const y = index * ROW + ROW / 2;
        const path = `M0 ${String(middle)} C 30 ${String(middle)}, 22 ${String(y)}, 56 ${String(y)}`;
        return (
          <path
            key={stream.name}
            d={path}
            strokeWidth={laneWidth(stream.records_per_s)}
            data-live={stream.records_per_s > 0}
          />
        );
      })}
      <circle cx="3" cy={middle} r="4" />
    </svg>
  );
}

const LaneRow = memo(function LaneRow({ lane }: { lane: Lane }) {
  const { t } = useTranslation();
  const { stream, table } = lane;
  const tone = laneTone(stream);
  return (
    <div className={classes.lane} role="row">
      <div className={classes.stream} role="cell">
        <Link to="/streams/$name" params={{ name: stream.name }} className={`${classes.name ?? ''} cut`}>
          {stream.name}
        </Link>
        <span className={classes.under}>
          {stream.dead_letters > 0 ? (
            <Link
              to="/streams/$name"
              params={{ name: stream.name }}
              search={{ tab: 'dead' }}
              className={classes.dead}
            >
              <Counted what="unit.nDead" value={stream.dead_letters} />
            </Link>
          ) : (
            <Ago at={stream.last_append_at} />
          )}
        </span>
      </div>
      <div className={classes.rate} role="cell">
        <Rate value={stream.records_per_s} />
        <span className={classes.under}>
          <Bytes value={stream.bytes_per_s} />
          {t('unit.slashSecond')}
        </span>
      </div>
      <div className={classes.spark} role="cell">
        <Sparkline values={stream.history} width={112} height={28} label={t('home.rateOf', { name: stream.name })} />
      </div>
      <div className={classes.pipe} role="cell" data-tone={tone}>
        {stream.table !== null && (
          <>
            <span className={classes.pipeText}>
              {stream.last_append_at === null ? (
                t('home.noRecords')
              ) : !table && stream.lag_records === 0 && isOnTheWay(stream) ? (
                t('home.onTheWay')
              ) : stream.lag_records === 0 ? (
                t('home.upToDate')
              ) : (
                <Duration value={stream.freshness_s} />
              )}
            </span>
            <svg className={classes.pipeLine} aria-hidden>
              <line x1="0" x2="100%" y1="50%" y2="50%" strokeWidth={laneWidth(stream.records_per_s)} data-live={stream.records_per_s > 0} />
            </svg>
            <span className={classes.pipeText} data-quiet={stream.lag_records === 0}>
              <Counted what="unit.nWaiting" value={stream.lag_records} />
            </span>
          </>
        )}
      </div>
      <div className={classes.table} role="cell">
        {stream.table === null ? (
          <span className="dim">{t('home.noTable')}</span>
        ) : (
          <>
            <Link to="/tables/$name" params={{ name: stream.table }} className={`${classes.name ?? ''} cut`}>
              {stream.table}
            </Link>
            <span className={classes.under}>
              {table ? <Ago at={table.last_commit_at} /> : t('home.notYet')}
            </span>
          </>
        )}
      </div>
      <div className={classes.size} role="cell">
        {table && (
          <>
            <span>
              <Counted what="unit.nRows" value={table.rows} />
            </span>
            <span className={classes.under}>
              <Bytes value={table.size_bytes} />
            </span>
          </>
        )}
      </div>
    </div>
  );
});

/** The picture of the platform: what comes in, through which stream, into which table. */
export function Flow({ overview }: { overview: Overview }) {
  const { t } = useTranslation();
  const [all, setAll] = useState(false);
  const list = lanes(overview);
  const shown = all ? list : list.slice(0, SHOWN);
  return (
    <Panel title={t('home.flow')} note={t('home.flowNote')} flush>
      <div className={classes.flow}>
        <Fan list={shown} />
        <div className={classes.lanes} role="table" aria-label={t('home.flow')}>
          <div role="rowgroup">
            {shown.map((lane) => (
              <LaneRow key={lane.stream.name} lane={lane} />
            ))}
          </div>
        </div>
      </div>
      {list.length > SHOWN && (
        <div className={classes.more}>
          <Button variant="subtle" onClick={() => setAll(!all)}>
            {all ? t('home.fewer') : t('home.more', { count: list.length - SHOWN })}
          </Button>
        </div>
      )}
    </Panel>
  );
}
