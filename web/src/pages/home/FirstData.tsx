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
    `curl -X PUT ${origin}/api/streams/events -H "Authorization: Bearer $MADANG_TOKEN" -d '{}'`,
    `curl ${origin}/ingest/events -H "Authorization: Bearer $MADANG_TOKEN" \\`,
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
          <CodeBlock code="madang ingest --create events.ndjson" />
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
