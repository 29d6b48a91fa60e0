import { queryOptions, useQuery } from '@tanstack/react-query';

import { getJson } from './client';
import type {
  Catalog,
  DeadLetters,
  DeadReason,
  Overview,
  QueryInfo,
  Session,
  Status,
  StreamDetail,
  StreamRecord,
  StreamSummary,
  TableDetail,
  TableSummary,
  Token,
  User,
} from './types';

const enc = encodeURIComponent;

export const sessionQuery = queryOptions({
  queryKey: ['session'],
  queryFn: ({ signal }) => getJson<Session>('/api/session', signal),
  staleTime: 60_000,
  retry: false,
});

export const overviewQuery = queryOptions({
  queryKey: ['overview'],
  queryFn: ({ signal }) => getJson<Overview>('/api/overview', signal),
});

export const statusQuery = queryOptions({
  queryKey: ['status'],
  queryFn: ({ signal }) => getJson<Status>('/api/status', signal),
});

export const streamsQuery = queryOptions({
  queryKey: ['streams'],
  queryFn: async ({ signal }) =>
    (await getJson<{ streams: StreamSummary[] }>('/api/streams', signal)).streams,
});

export const streamQuery = (name: string) =>
  queryOptions({
    queryKey: ['streams', name],
    queryFn: ({ signal }) => getJson<StreamDetail>(`/api/streams/${enc(name)}`, signal),
  });

export const recordsQuery = (name: string, limit: number) =>
  queryOptions({
    queryKey: ['streams', name, 'records', limit],
    queryFn: async ({ signal }) =>
      (
        await getJson<{ records: StreamRecord[] }>(
          `/api/streams/${enc(name)}/records?limit=${String(limit)}`,
          signal,
        )
      ).records,
  });

export const deadLettersQuery = (name: string, limit: number) =>
  queryOptions({
    queryKey: ['streams', name, 'dead', limit],
    queryFn: ({ signal }) =>
      getJson<DeadLetters>(`/api/streams/${enc(name)}/dead-letters?limit=${String(limit)}`, signal),
  });

export const deadReasonsQuery = (name: string) =>
  queryOptions({
    queryKey: ['streams', name, 'dead', 'summary'],
    queryFn: async ({ signal }) =>
      (
        await getJson<{ reasons: DeadReason[] }>(
          `/api/streams/${enc(name)}/dead-letters/summary`,
          signal,
        )
      ).reasons,
  });

export const tablesQuery = queryOptions({
  queryKey: ['tables'],
  queryFn: async ({ signal }) =>
    (await getJson<{ tables: TableSummary[] }>('/api/tables', signal)).tables,
});

export const tableQuery = (name: string) =>
  queryOptions({
    queryKey: ['tables', name],
    queryFn: ({ signal }) => getJson<TableDetail>(`/api/tables/${enc(name)}`, signal),
  });

export const catalogQuery = queryOptions({
  queryKey: ['catalog'],
  queryFn: ({ signal }) => getJson<Catalog>('/api/catalog', signal),
  staleTime: 30_000,
});

export const historyQuery = (mine: boolean) =>
  queryOptions({
    queryKey: ['queries', mine],
    queryFn: async ({ signal }) =>
      (
        await getJson<{ queries: QueryInfo[] }>(
          `/api/queries?limit=100&mine=${String(mine)}`,
          signal,
        )
      ).queries,
  });

export const usersQuery = queryOptions({
  queryKey: ['users'],
  queryFn: async ({ signal }) => (await getJson<{ users: User[] }>('/api/users', signal)).users,
});

export const tokensQuery = queryOptions({
  queryKey: ['tokens'],
  queryFn: async ({ signal }) => (await getJson<{ tokens: Token[] }>('/api/tokens', signal)).tokens,
});

/** The overview, polled while the tab is seen (TanStack Query pauses hidden tabs itself). */
export function useOverview(everyMs: number) {
  return useQuery({ ...overviewQuery, refetchInterval: everyMs });
}

export function useSession(): Session | undefined {
  return useQuery(sessionQuery).data;
}

export function useMayEdit(): boolean {
  const role = useSession()?.user.role;
  return role === 'admin' || role === 'editor';
}

export function useIsAdmin(): boolean {
  return useSession()?.user.role === 'admin';
}
