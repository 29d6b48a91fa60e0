import { IconPlus, IconX } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';

import { type Drafts, draftTitle } from '@/sql/drafts';

import classes from './Sql.module.css';

type Props = { drafts: Drafts; onPick: (id: string) => void; onClose: (id: string) => void; onNew: () => void };

export function DraftTabs({ drafts, onPick, onClose, onNew }: Props) {
  const { t } = useTranslation();
  return (
    <div className={classes.tabs}>
      {drafts.tabs.map((tab, index) => {
        const title = draftTitle(tab.sql) || t('sql.untitled', { n: index + 1 });
        const active = tab.id === drafts.active;
        return (
          <div key={tab.id} className={classes.tab} data-active={active}>
            <button type="button" aria-current={active} onClick={() => onPick(tab.id)} title={tab.sql.slice(0, 300)}>
              {title}
            </button>
            {drafts.tabs.length > 1 && (
              <button type="button" className={classes.tabClose} aria-label={t('sql.closeTab', { title })} onClick={() => onClose(tab.id)}>
                <IconX size={12} />
              </button>
            )}
          </div>
        );
      })}
      <button type="button" className={classes.tool} aria-label={t('sql.newTab')} title={t('sql.newTab')} onClick={onNew}>
        <IconPlus size={15} />
      </button>
    </div>
  );
}
