import type { ErrorBody } from './types';

/** A refusal or a failure of the API, with the fields that people can act on. */
export class ApiError extends Error {
  readonly status: number;
  readonly body: ErrorBody;
  readonly retryAfterS: number | null;

  constructor(status: number, body: ErrorBody, retryAfterS: number | null = null) {
    super(body.message);
    this.name = 'ApiError';
    this.status = status;
    this.body = body;
    this.retryAfterS = retryAfterS;
  }
}

/** The server could not be reached at all: it restarts, or the network is away. */
export const OFFLINE = 'unreachable';

export function toErrorBody(error: unknown): ErrorBody {
  if (error instanceof ApiError) return error.body;
  const message = error instanceof Error ? error.message : String(error);
  return { code: 'ui', message, hint: null, where: null, retryable: false };
}

type Options = {
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  body?: unknown;
  signal?: AbortSignal;
  accept?: string;
};

/** One request with the session's cookie; the raw response of a success. */
export async function send(path: string, options: Options = {}): Promise<Response> {
  const { method = 'GET', body, signal, accept = 'application/json' } = options;
  const headers: Record<string, string> = { Accept: accept };
  if (method !== 'GET') headers['X-Madang-Request'] = '1';
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers,
      credentials: 'same-origin',
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal ? { signal } : {}),
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new ApiError(0, {
      code: OFFLINE,
      message: error instanceof Error ? error.message : String(error),
      hint: null,
      where: null,
      retryable: true,
    });
  }
  if (response.ok) return response;
  throw await refusal(response);
}

async function refusal(response: Response): Promise<ApiError> {
  const after = Number(response.headers.get('Retry-After'));
  const retryAfterS = Number.isFinite(after) && after > 0 ? after : null;
  const text = await response.text().catch(() => '');
  try {
    const parsed = JSON.parse(text) as { error?: Partial<ErrorBody> };
    if (parsed.error?.message !== undefined) {
      const { code = 'error', message, hint = null, where = null, retryable = false } = parsed.error;
      return new ApiError(response.status, { code, message, hint, where, retryable }, retryAfterS);
    }
  } catch {
    // Not JSON: a proxy's page, or nothing. The status has to do.
  }
  const message = `${String(response.status)} ${response.statusText}`.trim();
  const retryable = response.status >= 500;
  return new ApiError(response.status, { code: 'http', message, hint: null, where: null, retryable }, retryAfterS);
}

export async function getJson<T>(path: string, signal?: AbortSignal): Promise<T> {
  const response = await send(path, signal ? { signal } : {});
  return (await response.json()) as T;
}

/** A change; undefined where the API answers with no body. */
export async function change<T>(
  method: 'POST' | 'PUT' | 'DELETE',
  path: string,
  body?: unknown,
): Promise<T> {
  const response = await send(path, { method, ...(body === undefined ? {} : { body }) });
  const text = await response.text();
  return (text === '' ? undefined : JSON.parse(text)) as T;
}
