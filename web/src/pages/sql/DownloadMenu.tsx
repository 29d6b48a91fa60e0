import { Button, Menu } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconDownload } from '@tabler/icons-react';
import { useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';

import { ErrorLine } from '@/components/states';
import type { Bound } from '@/sql/params';

import { download, type Format, FORMATS } from './download';

export function DownloadMenu({ sql, params }: { sql: string; params: Bound }) {
  const { t } = useTranslation();
  const [busy, setBusy] = useState<string | null>(null);
  const abort = useRef<AbortController>(null);
  const start = async (chosen: Format) => {
    abort.current = new AbortController();
    setBusy(chosen.format);
    try {
      await download(chosen, sql, params, abort.current.signal);
    } catch (error) {
      if (!abort.current.signal.aborted) {
        notifications.show({ title: t('sql.downloadFailed'), message: <ErrorLine error={error} />, color: 'red' });
      }
    } finally {
      setBusy(null);
    }
  };
  if (busy !== null) {
    return (
      <Button variant="default" leftSection={<IconDownload size={14} />} onClick={() => abort.current?.abort()}>
        {t('sql.downloading', { format: busy })}
      </Button>
    );
  }
  return (
    <Menu width={160}>
      <Menu.Target>
        <Button variant="default" leftSection={<IconDownload size={14} />}>
          {t('sql.download')}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {FORMATS.map((format) => (
          <Menu.Item key={format.format} onClick={() => void start(format)}>
            {t(`format.${format.format}`)}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
