import { Button } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';

import { Dialog } from './Dialog';
import classes from './ConfirmButton.module.css';

type Props = { label: string; title: string; hint: string; onConfirm: () => void };

/** A button for what cannot be taken back: it asks first. */
export function ConfirmButton({ label, title, hint, onConfirm }: Props) {
  const { t } = useTranslation();
  const [asking, setAsking] = useState(false);
  return (
    <>
      <Button variant="subtle" color="red" onClick={() => setAsking(true)}>
        {label}
      </Button>
      <Dialog opened={asking} onClose={() => setAsking(false)} title={title}>
        <p>{hint}</p>
        <div className={classes.foot}>
          <Button variant="default" data-autofocus onClick={() => setAsking(false)}>
            {t('part.cancel')}
          </Button>
          <Button
            color="red"
            onClick={() => {
              setAsking(false);
              onConfirm();
            }}
          >
            {label}
          </Button>
        </div>
      </Dialog>
    </>
  );
}
