import { Analytics } from '@millrace/node';
import { FetchHTTPClient, type HTTPClient, type HTTPFetchFn } from '@segment/analytics-node';
import axios, { type AxiosRequestConfig } from 'axios';
import type { IAxiosRetryConfig } from 'axios-retry';

// What a program has in hand is taken as it is.

export const clients = (theirs: HTTPClient, theirFetch: HTTPFetchFn): Analytics[] => [
  new Analytics({ writeKey: 'KEY', httpClient: theirs }),
  new Analytics({ writeKey: 'KEY', httpClient: theirFetch }),
  new Analytics({ writeKey: 'KEY', httpClient: new FetchHTTPClient() }),
  new Analytics({ writeKey: 'KEY', httpClient: fetch }),
  new Analytics('KEY', { axiosInstance: axios.create() }),
];

export const configured = (axiosConfig: AxiosRequestConfig, axiosRetryConfig: IAxiosRetryConfig): Analytics =>
  new Analytics('KEY', { axiosInstance: axios, axiosConfig, axiosRetryConfig });

// @ts-expect-error -- no HTTP client
export const wrong = new Analytics('KEY', { httpClient: {} });
