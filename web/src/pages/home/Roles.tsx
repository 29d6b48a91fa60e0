import { useTranslation } from 'react-i18next';

import type { RoleState } from '@/api/types';
import { type Col, DataTable } from '@/components/DataTable';
import { Mark } from '@/components/Mark';
import { Panel } from '@/components/Panel';
import { Ago, Bytes, Count } from '@/components/Values';

/** The platform's own processes. */
export function Roles({ roles }: { roles: RoleState[] }) {
  const { t } = useTranslation();
  const total = roles.reduce((sum, role) => sum + role.memory_bytes, 0);
  const cols: Col<RoleState>[] = [
    { key: 'name', head: t('home.role'), cell: (role) => <span className="mono">{role.name}</span>, sort: (role) => role.name },
    {
      key: 'state',
      head: t('home.state'),
      cell: (role) => (
        <Mark tone={role.state === 'running' ? 'good' : role.state === 'starting' ? 'busy' : 'bad'}>
          {role.state === 'running' ? t('home.running') : role.state}
        </Mark>
      ),
    },
    { key: 'since', head: t('home.since'), cell: (role) => <Ago at={role.started_at} />, wide: true },
    { key: 'restarts', head: t('home.restarts'), cell: (role) => <Count value={role.restarts} />, end: true, wide: true, sort: (role) => role.restarts },
    { key: 'memory', head: t('home.memory'), cell: (role) => <Bytes value={role.memory_bytes} />, end: true, sort: (role) => role.memory_bytes },
  ];
  return (
    <Panel title={t('home.roles')} note={<Bytes value={total} />} flush>
      <DataTable rows={roles} cols={cols} rowKey={(role) => role.name} label={t('home.roles')} empty={<p className="dim" style={{ padding: 16 }}>{t('home.noRoles')}</p>} />
    </Panel>
  );
}
