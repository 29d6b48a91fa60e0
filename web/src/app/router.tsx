import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from '@tanstack/react-router';

import { ApiError } from '@/api/client';
import { sessionQuery } from '@/api/queries';
import { ErrorState, SkeletonRows } from '@/components/states';

import { Frame } from './Frame';
import { FramePending } from './FramePending';
import { NotFound } from './NotFound';
import { makeQueryClient } from './queryClient';

/** A page that broke: the house around it stays, so that there is a way on. */
function PageError({ error, reset }: { error: unknown; reset: () => void }) {
  return (
    <div style={{ padding: 24 }}>
      <ErrorState error={error} onRetry={reset} />
    </div>
  );
}

type Text = string | undefined;
const text = (value: unknown): Text =>
  typeof value === 'string' ? value : typeof value === 'number' ? String(value) : undefined;

export const queryClient = makeQueryClient(() => {
  queryClient.removeQueries({ queryKey: ['session'] });
  void router.invalidate();
});

const rootRoute = createRootRoute({
  component: Outlet,
  notFoundComponent: NotFound,
  errorComponent: PageError,
});

const signInRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/signin',
  validateSearch: (search): { error?: Text; next?: Text } => ({
    error: text(search['error']),
    next: text(search['next']),
  }),
  component: lazyRouteComponent(() => import('@/pages/signin/SignInPage')),
});

const frameRoute = createRoute({
  getParentRoute: () => rootRoute,
  id: 'frame',
  validateSearch: (search): { t?: Text } => ({ t: text(search['t']) }),
  beforeLoad: async ({ location }) => {
    try {
      await queryClient.ensureQueryData(sessionQuery);
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) {
        const next = location.href === '/' ? undefined : location.href;
        throw redirect({ to: '/signin', search: { error: undefined, next } });
      }
      throw error;
    }
  },
  component: Frame,
  pendingComponent: FramePending,
});

const homeRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: '/',
  component: lazyRouteComponent(() => import('@/pages/home/HomePage')),
});

const sqlRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: '/sql',
  validateSearch: (search): { q?: Text; view?: Text } => ({
    q: text(search['q']),
    view: text(search['view']),
  }),
  component: lazyRouteComponent(() => import('@/pages/sql/SqlPage')),
});

const streamsRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: '/streams',
  validateSearch: (search): { create?: boolean | undefined } => ({ create: search['create'] === true ? true : undefined }),
  component: lazyRouteComponent(() => import('@/pages/streams/StreamsPage')),
});

const streamRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: '/streams/$name',
  validateSearch: (search): { tab?: Text } => ({ tab: text(search['tab']) }),
  component: lazyRouteComponent(() => import('@/pages/streams/StreamPage')),
});

const tablesRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: '/tables',
  component: lazyRouteComponent(() => import('@/pages/tables/TablesPage')),
});

const tableRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: '/tables/$name',
  validateSearch: (search): { tab?: Text } => ({ tab: text(search['tab']) }),
  component: lazyRouteComponent(() => import('@/pages/tables/TablePage')),
});

const settingsRoute = createRoute({
  getParentRoute: () => frameRoute,
  path: '/settings',
  validateSearch: (search): { tab?: Text } => ({ tab: text(search['tab']) }),
  component: lazyRouteComponent(() => import('@/pages/settings/SettingsPage')),
});

/** A path that is no page: the house stays around the note that says so. */
const strayRoute = createRoute({ getParentRoute: () => frameRoute, path: '$', component: NotFound });

const pages = [homeRoute, sqlRoute, streamsRoute, streamRoute, tablesRoute, tableRoute, settingsRoute, strayRoute];

export const router = createRouter({
  routeTree: rootRoute.addChildren([signInRoute, frameRoute.addChildren(pages)]),
  defaultPreload: 'intent',
  defaultPendingMs: 150,
  defaultPendingComponent: SkeletonRows,
  defaultErrorComponent: PageError,
  scrollRestoration: true,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
