import {
  IconDatabase,
  IconHome,
  IconSettings,
  IconTerminal2,
  IconWaveSine,
} from '@tabler/icons-react';

/** The pages of the rail; `key` is the second stroke of `g <key>`. */
export const DESTINATIONS = [
  { to: '/', name: 'home', key: 'h', icon: IconHome },
  { to: '/sql', name: 'sql', key: 'q', icon: IconTerminal2 },
  { to: '/streams', name: 'streams', key: 's', icon: IconWaveSine },
  { to: '/tables', name: 'tables', key: 't', icon: IconDatabase },
  { to: '/settings', name: 'settings', key: ',', icon: IconSettings },
] as const;

export function isAt(path: string, to: string): boolean {
  return to === '/' ? path === '/' : path === to || path.startsWith(`${to}/`);
}
