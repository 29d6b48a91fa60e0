import { Button, Select, Switch, TextInput } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';

import { change } from '@/api/client';
import { streamsQuery } from '@/api/queries';
import type { WrittenStream } from '@/api/types';
import { CodeBlock } from '@/components/CodeBlock';
import { ErrorState } from '@/components/states';
import { Dialog } from '@/components/Dialog';

import { EMPTY, faults, FORMATS, type StreamForm, toSpec, toYaml } from './streamForm';
import classes from './Streams.module.css';

type TextKey = Exclude<keyof StreamForm, 'deliver'>;

/** A new stream: a form beside the YAML that it writes into the project. */
export default function CreateStream({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const client = useQueryClient();
  const [form, setForm] = useState(EMPTY);
  const [touched, setTouched] = useState<ReadonlySet<keyof StreamForm>>(new Set());
  const taken = useQuery(streamsQuery).data?.map(({ name }) => name) ?? [];
  const found = faults(form, taken);
  const asked = toSpec(form);
  // A file of defaults alone is allowed, but `{}` tells nobody anything.
  const spec = Object.keys(asked).length === 0 ? { format: form.format } : asked;
  const create = useMutation({
    mutationFn: () => change<WrittenStream>('PUT', `/api/streams/${form.name}`, spec),
    onSuccess: (written) => {
      notifications.show({ message: t('streams.created', { file: written.file }) });
      void client.invalidateQueries({ queryKey: ['streams'] });
      onClose();
      void navigate({ to: '/streams/$name', params: { name: written.name } });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTouched(new Set(Object.keys(form) as (keyof StreamForm)[]));
    if (Object.keys(found).length === 0) create.mutate();
  };
  const field = (key: TextKey, placeholder?: string) => {
    const fault = found[key];
    return {
      label: t(`streamForm.${key}`),
      placeholder,
      value: form[key],
      error: fault && touched.has(key) ? t(`streamFault.${fault}`) : undefined,
      onBlur: () => setTouched((old) => new Set(old).add(key)),
      onChange: (event: { currentTarget: { value: string } }) => setForm({ ...form, [key]: event.currentTarget.value }),
    };
  };
  return (
    <Dialog onClose={onClose} size={860} title={t('streams.create')}>
      <form onSubmit={submit}>
        <div className={classes.form}>
          <div className={classes.fields}>
            <TextInput {...field('name', t('part.eg', { value: 'orders' }))} data-autofocus description={t('streamForm.nameHint')} />
            <TextInput {...field('description')} />
            <div className={classes.row}>
              <Select
                label={t('streamForm.format')}
                data={FORMATS.map((value) => ({ value, label: t(`recordFormat.${value}`) }))}
                value={form.format}
                allowDeselect={false}
                onChange={(format) => format !== null && setForm({ ...form, format })}
              />
              <TextInput {...field('owner')} />
            </div>
            {form.format === 'regex' && <TextInput {...field('pattern', '(?P<level>\\w+) (?P<message>.*)')} ff="monospace" />}
            {form.format === 'csv' && <TextInput {...field('header', t('part.eg', { value: 'id, name, amount' }))} description={t('streamForm.headerHint')} />}
            <div className={classes.row}>
              <TextInput {...field('timeField', t('part.eg', { value: 'ts' }))} description={t('streamForm.timeHint')} />
              <TextInput {...field('timeFormat', 'auto')} description={t('streamForm.timeFormatHint')} />
            </div>
            <div className={classes.row}>
              <TextInput {...field('partitions')} inputMode="numeric" />
              <TextInput {...field('key', t('part.eg', { value: 'user_id' }))} />
            </div>
            <div className={classes.row}>
              <TextInput {...field('age', t('part.eg', { value: '7d' }))} />
              <TextInput {...field('size', t('part.eg', { value: '10GiB' }))} />
            </div>
            <Switch size="sm" label={t('streamForm.deliver')} checked={form.deliver} onChange={(event) => setForm({ ...form, deliver: event.currentTarget.checked })} />
            {form.deliver && <TextInput {...field('table', `lake.${found.name === 'name' ? 'orders' : form.name}`)} />}
          </div>
          <div className={classes.fields}>
            <span className="mono dim">{`streams/${found.name === 'name' ? '…' : form.name}.yml`}</span>
            <CodeBlock code={toYaml(spec)} yaml />
            {create.error !== null && <ErrorState error={create.error} />}
          </div>
        </div>
        <div className={classes.formFoot}>
          <Button variant="default" onClick={onClose}>{t('part.cancel')}</Button>
          <Button type="submit" loading={create.isPending}>{t('streams.createDo')}</Button>
        </div>
      </form>
    </Dialog>
  );
}
