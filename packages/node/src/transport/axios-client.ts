import { ofBase64 } from '../platform.ts';
import type { HttpClientResponse, Send } from './http-client.ts';

/** The part of an axios instance that is used, as analytics-node used it. */
export interface AxiosLike {
  // A method, so that an axios of any version may have narrower ideas of its configuration.
  post(url: string, data: unknown, config: object): PromiseLike<unknown>;
  defaults?: { timeout?: number | undefined } | undefined;
}

export interface AxiosConfig {
  /** In milliseconds; used unless the client has a `timeout` of its own. */
  timeout?: number | undefined;
  headers?: object | undefined;
}

/** Of `axiosRetryConfig`, what is read. */
export interface AxiosRetryConfig {
  /** Retries after the first attempt. */
  retries?: number | undefined;
  /** Milliseconds before the retry of that number, from 1. */
  retryDelay?: ((retryNumber: number, error: Error) => number) | undefined;
}

/** What axios resolves with, and rejects with for a status that it does not take for success. */
interface AxiosResponse {
  status?: number;
  statusText?: string;
  headers?: object;
  data?: unknown;
}

/**
 * Sends as analytics-node did, so that the program's interceptors find what they look for: the body as
 * an object, the write key as `auth.username`. `config` is merged into each request; what we send wins.
 */
export function sendByAxios(axios: AxiosLike, config: AxiosConfig = {}): Send {
  return async ({ url, headers, body, httpRequestTimeout }, signal) => {
    const { Authorization: authorization, ...others } = headers;
    const username = userOf(authorization);
    const request = {
      // Followed by us (see redirects.ts): axios makes a GET without the events of a 301 or 302.
      maxRedirects: 0,
      ...config,
      headers: {
        ...config.headers,
        ...others,
        ...(username === undefined && authorization && { Authorization: authorization }),
      },
      ...(username !== undefined && { auth: { username, password: '' } }),
      timeout: httpRequestTimeout,
      signal,
    };
    let answer: AxiosResponse | undefined;
    try {
      answer = (await axios.post(url, JSON.parse(body), request)) as AxiosResponse | undefined;
    } catch (error) {
      answer = (Object(error) as { response?: AxiosResponse }).response;
      if (typeof answer?.status !== 'number') throw error;
    }
    return responseOf(answer);
  };
}

/** Whatever axios resolved with is a success, as it was to analytics-node. A test's fake resolves with nothing. */
function responseOf(answer: AxiosResponse | undefined): HttpClientResponse {
  const { status = 200, statusText, headers, data } = answer ?? {};
  return {
    status,
    statusText,
    headers,
    text: () => Promise.resolve(typeof data === 'string' ? data : (JSON.stringify(data) ?? '')),
  };
}

function userOf(authorization: string | undefined): string | undefined {
  const [, credentials] = /^Basic (.+)$/.exec(authorization ?? '') ?? [];
  return credentials === undefined ? undefined : ofBase64(credentials).replace(/:$/, '');
}
