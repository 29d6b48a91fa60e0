import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';

import { CodeBlock } from '@/components/CodeBlock';
import { Panel } from '@/components/Panel';

import classes from './Home.module.css';

/** Nothing has come in yet: the commands that change this, ready to paste. */
export function FirstData() {
  const { t } = useTranslation();
  const origin = window.location.origin;
  const curl = [
    `curl ${origin}/ingest/events \\`,
    `  -H 'Authorization: Bearer <token>' \\`,
    `  -H 'Content-Type: application/x-ndjson' \\`,
    `  -d '{"user": "mina", "action": "hello"}'`,
  ].join('\n');
  return (
    <Panel>
      <div className={classes.first}>
        <strong>{t('home.firstTitle')}</strong>
        <p className="dim">{t('home.firstHint')}</p>
      </div>
      <div className={classes.steps}>
        <div className={classes.step}>
          <span>{t('home.firstFile')}</span>
          <CodeBlock code={'madang streams create events\nmadang ingest --stream events data.ndjson'} />
        </div>
        <div className={classes.step}>
          <span>
            {t('home.firstHttp')}{' '}
            <Link to="/settings" search={{ tab: 'tokens' }} className="link">
              {t('home.firstToken')}
            </Link>
          </span>
          <CodeBlock code={curl} />
        </div>
      </div>
    </Panel>
  );
}
