import { optionError, usageError } from '../errors.ts';
import { gzip as platformGzip } from '../platform.ts';
import { sendByAxios, type AxiosConfig, type AxiosLike, type AxiosRetryConfig } from './axios-client.ts';
import type { Gzip } from './gzip.ts';
import { sendBy, type HttpClient, type HttpFetch, type Send } from './http-client.ts';
import {
  resolveOAuthSettings,
  type OAuthSettings,
  type ResolvedOAuthSettings,
} from './oauth/oauth-settings.ts';

/** How requests are sent. */
export interface TransportOptions {
  /**
   * Compress bodies of 1 KB and more, off the event loop. Default false: Segment takes gzip, but not every server that
   * speaks its protocol does. Not with `httpClient` or `axiosInstance`, which get text.
   */
  gzip?: boolean | undefined;
  /** Sends the requests: an object with `makeRequest`, or a function such as `fetch`. Default: our own. */
  httpClient?: HttpClient | HttpFetch | undefined;
  /** An axios that sends the requests, as with analytics-node; we bring none. */
  axiosInstance?: AxiosLike | undefined;
  /** Merged into each request of `axiosInstance`; only with it. */
  axiosConfig?: AxiosConfig | undefined;
  /** `retries` and `retryDelay` are used, with or without axios; `retryCondition` is not, as it never was. */
  axiosRetryConfig?: AxiosRetryConfig | undefined;
  /** OAuth 2.0 in place of the write key in the `Authorization` header. */
  oauthSettings?: OAuthSettings | undefined;
}

export interface ResolvedTransportOptions {
  gzip: Gzip | undefined;
  /** In place of the platform's own. */
  send: Send | undefined;
  oauth: ResolvedOAuthSettings | undefined;
}

/** @throws Error naming the option. */
export function resolveTransportOptions(
  options: TransportOptions,
  retryCount: number | undefined,
): ResolvedTransportOptions {
  const { gzip = false, oauthSettings } = options;
  if (typeof gzip !== 'boolean') throw optionError('gzip', 'true or false', gzip);
  const send = sendOf(options);
  if (gzip && send) {
    throw usageError(
      'The option "gzip" is for the built-in transport: have your HTTP client compress bodies.',
    );
  }
  const oauth = oauthSettings ? resolveOAuthSettings(oauthSettings, retryCount) : undefined;
  return { gzip: gzip ? gzipOfPlatform() : undefined, send, oauth };
}

function gzipOfPlatform(): Gzip {
  if (platformGzip) return platformGzip;
  throw usageError('The option "gzip" needs CompressionStream, which this runtime has not.');
}

function sendOf({ httpClient, axiosInstance, axiosConfig }: TransportOptions): Send | undefined {
  if (httpClient && axiosInstance) {
    throw usageError('The options "httpClient" and "axiosInstance" exclude each other.');
  }
  if (httpClient) {
    const isClient = typeof httpClient === 'function' || typeof httpClient.makeRequest === 'function';
    if (!isClient) throw optionError('httpClient', 'a function or an object with makeRequest', httpClient);
    return sendBy(httpClient);
  }
  if (!axiosInstance) {
    if (!axiosConfig) return undefined;
    throw usageError(
      'The option "axiosConfig" needs "axiosInstance": this library brings no axios. Pass axios.create(config) of your own.',
    );
  }
  if (typeof axiosInstance.post !== 'function') throw optionError('axiosInstance', 'an axios', axiosInstance);
  return sendByAxios(axiosInstance, axiosConfig);
}
