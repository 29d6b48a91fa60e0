import { QueryCache, QueryClient } from '@tanstack/react-query';

import { ApiError } from '@/api/client';

/** A client that calls `onSignedOut` when the session has ended under the reader. */
export function makeQueryClient(onSignedOut: () => void): QueryClient {
  return new QueryClient({
    queryCache: new QueryCache({
      onError: (error, query) => {
        const signedOut = error instanceof ApiError && error.status === 401;
        if (signedOut && query.queryKey[0] !== 'session') onSignedOut();
      },
    }),
    defaultOptions: {
      queries: {
        staleTime: 1000,
        refetchOnWindowFocus: true,
        // The last good picture stays; only what may pass by itself is tried again.
        retry: (count, error) =>
          count < 2 && (!(error instanceof ApiError) || error.body.retryable) && !isRefusal(error),
        retryDelay: (count) => 500 * 2 ** count,
      },
    },
  });
}

function isRefusal(error: unknown): boolean {
  return error instanceof ApiError && error.status >= 400 && error.status < 500 && error.status !== 429;
}
