import { Modal, type ModalProps } from '@mantine/core';
import { useTranslation } from 'react-i18next';

import classes from './Dialog.module.css';

type Props = Omit<ModalProps, 'opened'> & { opened?: boolean };

/** A dialog over the page; its closing cross speaks the reader's language. */
export function Dialog({ opened = true, ...rest }: Props) {
  const { t } = useTranslation();
  return <Modal opened={opened} closeButtonProps={{ 'aria-label': t('part.close') }} classNames={classes} {...rest} />;
}
