/** A request as it is handed to the program's own HTTP client; the form of @segment/analytics-node. */
export interface HttpClientRequest {
  url: string;
  method: 'POST';
  headers: Record<string, string>;
  body: string;
  /** Milliseconds that the answer may take. What comes later is not waited for. */
  httpRequestTimeout: number;
}

/** What the program's own HTTP client answers; the part of a `Response` that is looked at. */
export interface HttpClientResponse {
  status: number;
  statusText?: string | undefined;
  /** A `Headers`, or a plain object. */
  headers?: object | undefined;
  /** Read for the verdicts of a 200, and by `oauthSettings` for the token. */
  text?: (() => Promise<string>) | undefined;
}

/** Whatever sends requests in place of the built-in transport. */
export interface HttpClient {
  /** Rejects when there was no answer; any answer resolves, whatever its status. */
  makeRequest(request: HttpClientRequest): Promise<HttpClientResponse>;
}

/** The same as a function, such as `fetch`. */
export type HttpFetch = (
  url: string,
  init: Omit<HttpClientRequest, 'httpRequestTimeout'> & {
    signal: AbortSignal;
    /** Since what `fetch` makes of a 301 or 302 is a GET without the events. */
    redirect: 'manual';
  },
) => Promise<HttpClientResponse>;

/** One request, over whatever it goes. */
export type Send = (request: HttpClientRequest, signal: AbortSignal) => Promise<HttpClientResponse>;

export function sendBy(client: HttpClient | HttpFetch): Send {
  if (typeof client !== 'function') return (request) => client.makeRequest(request);
  return ({ url, method, headers, body }, signal) =>
    client(url, { url, method, headers, body, signal, redirect: 'manual' });
}

/** @returns undefined when it has none of that name. */
export function headerOf({ headers }: HttpClientResponse, name: string): string | undefined {
  if (!headers) return undefined;
  if ('get' in headers && typeof headers.get === 'function') {
    return textOf((headers as { get(name: string): unknown }).get(name));
  }
  const key = Object.keys(headers).find((key) => key.toLowerCase() === name);
  return key === undefined ? undefined : textOf((headers as Record<string, unknown>)[key]);
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' ? value : undefined;
}
