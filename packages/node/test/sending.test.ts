import axios from 'axios';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Analytics } from '../src/analytics.ts';
import type { AnalyticsOptions } from '../src/options.ts';
import type { AxiosLike } from '../src/transport/axios-client.ts';
import type { HttpClient, HttpClientRequest } from '../src/transport/http-client.ts';
import { gate, startServer, type ScriptedServer } from './scripted-server.ts';

/** How requests are sent, by what a server receives. */

let server: ScriptedServer;
beforeEach(async () => {
  server = await startServer();
});
afterEach(() => server.close());

function client(options: AnalyticsOptions): Analytics {
  const analytics = new Analytics('KEY', { host: server.host, exitDrainMs: 0, ...options });
  analytics.flushed = true;
  return analytics;
}

async function send(options: AnalyticsOptions, properties: object = {}): Promise<void> {
  const analytics = client(options);
  analytics.track({ userId: 'u', event: 'e', properties });
  await analytics.closeAndFlush();
}

const events = (): unknown[] => server.requests.flatMap(({ body }) => body.batch.map(({ event }) => event));
const LARGE = { text: '水'.repeat(2_000) };

function thrower(): never {
  throw new Error('of the program');
}

describe('gzip', () => {
  it('compresses what is large enough, within the limits before that', async () => {
    await send({ gzip: true }, LARGE);
    expect(server.requests).toMatchObject([
      { headers: { 'content-encoding': 'gzip' }, body: { batch: [{ properties: LARGE }] } },
    ]);
    expect(server.requests[0]!.bodyBytes).toBeLessThan(1_000);
    expect(() => client({ gzip: true }).track({ userId: 'u', event: 'e', p: 'x'.repeat(40_000) })).toThrow(
      '32kb',
    );
  });

  it('leaves small bodies, and by default all', async () => {
    await send({ gzip: true });
    await send({}, LARGE);
    for (const { headers } of server.requests) expect(headers).not.toHaveProperty('content-encoding');
    expect(events()).toEqual(['e', 'e']);
  });

  it('stamps each attempt anew', async () => {
    server.script({ status: 500 });
    await send({ gzip: true, axiosRetryConfig: { retryDelay: () => 20 } }, LARGE);
    const [first, second] = server.requests.map(({ body }) => Date.parse(body.sentAt));
    expect(second! - first!).toBeGreaterThanOrEqual(19);
  });

  it('is refused beside a client that is given text', () => {
    expect(() => client({ gzip: true, httpClient: fetch })).toThrow('The option "gzip" is for');
    expect(() => client({ gzip: 'yes' as unknown as boolean })).toThrow(
      'The option "gzip" must be true or false',
    );
  });
});

describe('httpClient', () => {
  it('may be fetch', async () => {
    await send({ httpClient: fetch });
    expect(server.requests).toMatchObject([
      {
        method: 'POST',
        path: '/v1/batch',
        headers: {
          authorization: 'Basic S0VZOg==',
          'content-type': 'application/json',
          'x-millrace-verdicts': '1',
        },
        body: { batch: [{ event: 'e' }] },
      },
    ]);
  });

  it('may be an object with makeRequest, and is given what @segment/analytics-node gives', async () => {
    const requests: HttpClientRequest[] = [];
    const httpClient = {
      makeRequest(request: HttpClientRequest) {
        expect(this).toBe(httpClient);
        requests.push(request);
        return Promise.resolve({ status: 200, statusText: 'OK' });
      },
    };
    await send({ httpClient, httpRequestTimeout: 1_234 });
    expect(requests).toMatchObject([
      {
        url: `${server.host}/v1/batch`,
        method: 'POST',
        headers: { Authorization: 'Basic S0VZOg==', 'Content-Type': 'application/json' },
        httpRequestTimeout: 1_234,
      },
    ]);
    expect(requests[0]!.headers['User-Agent']).toMatch(/^@millrace\/node\//);
    expect(JSON.parse(requests[0]!.body)).toMatchObject({ batch: [{ event: 'e' }] });
  });

  it.each([
    ['Headers', new Headers({ 'Retry-After': '0' })],
    ['an object', { 'Retry-After': '0' }],
    ['nothing', undefined],
  ])('is tried again when it answers 503, with headers as %s', async (_, headers) => {
    const makeRequest = vi
      .fn<HttpClient['makeRequest']>()
      .mockResolvedValueOnce({ status: 503, headers })
      .mockResolvedValue({ status: 200 });
    await send({ httpClient: { makeRequest } });
    expect(makeRequest).toHaveBeenCalledTimes(2);
  });

  it('is tried again when it rejects, and its error is handed on', async () => {
    const makeRequest = vi
      .fn<HttpClient['makeRequest']>()
      .mockRejectedValue(Object.assign(new Error('no'), { code: 'ECONNREFUSED' }));
    await expect(send({ httpClient: { makeRequest }, retryCount: 1 })).rejects.toMatchObject({
      code: 'ECONNREFUSED',
    });
    expect(makeRequest).toHaveBeenCalledTimes(2);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('at once');
      },
    ],
    ['answers nothing', () => Promise.resolve(undefined)],
  ])('fails the batch when it %s', async (_, makeRequest) => {
    const httpClient = { makeRequest } as unknown as NonNullable<AnalyticsOptions['httpClient']>;
    await expect(send({ httpClient, retryCount: 0 })).rejects.toMatchObject({ code: 'NETWORK_ERROR' });
  });

  it('is not waited for longer than the time-out, and told of it', async () => {
    const { opened, open } = gate();
    server.script({ after: opened });
    await expect(send({ httpClient: fetch, timeout: 50, retryCount: 0 })).rejects.toMatchObject({
      code: 'ECONNABORTED',
      message: 'timeout of 50ms exceeded',
    });
    open();
    const never = { makeRequest: () => new Promise<never>(() => undefined) };
    await expect(send({ httpClient: never, timeout: 50, retryCount: 0 })).rejects.toMatchObject({
      code: 'ECONNABORTED',
    });
  });

  it('has single events refused', async () => {
    server.script({ status: 200, body: '{"verdicts":[{"index":0,"code":"invalid_type"}]}' });
    await expect(send({ httpClient: fetch })).rejects.toMatchObject({ code: 'invalid_type' });
  });

  it('loses nothing to a redirect that fetch would make a GET of', async () => {
    server.script({ status: 301, headers: { location: '/elsewhere' } });
    await expect(send({ httpClient: fetch })).rejects.toMatchObject({ code: 'HTTP_301' });
    server.script({ status: 308, headers: { location: '/elsewhere' } });
    await send({ httpClient: fetch });
    expect(server.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'POST /v1/batch',
      'POST /v1/batch',
      'POST /elsewhere',
    ]);
  });

  it('fails at once where there is no address', async () => {
    const makeRequest = vi.fn<HttpClient['makeRequest']>();
    await expect(send({ httpClient: { makeRequest }, host: 'nowhere' })).rejects.toThrow('no address');
    expect(makeRequest).not.toHaveBeenCalled();
  });

  it.each([[{}], ['fetch'], [{ makeRequest: 1 }]])('is checked when it is %j', (httpClient) => {
    expect(() => client({ httpClient } as unknown as AnalyticsOptions)).toThrow(
      'The option "httpClient" must be',
    );
  });
});

describe('axios, as analytics-node used it', () => {
  it('sends, and the interceptors of the program find body and write key', async () => {
    const axiosInstance = axios.create({ headers: { 'x-program': 'yes' } });
    const seen: unknown[] = [];
    axiosInstance.interceptors.request.use((config) => {
      seen.push({
        auth: config.auth,
        events: (config.data as { batch: { event: string }[] }).batch.map(({ event }) => event),
      });
      return config;
    });
    await send({ axiosInstance, axiosConfig: { headers: { 'x-config': 'yes' } } });
    expect(seen).toEqual([{ auth: { username: 'KEY', password: '' }, events: ['e'] }]);
    expect(server.requests).toMatchObject([
      {
        headers: {
          authorization: 'Basic S0VZOg==',
          'x-program': 'yes',
          'x-config': 'yes',
          'content-type': 'application/json',
        },
        body: { batch: [{ event: 'e' }] },
      },
    ]);
  });

  it('retries what it refuses, with the delays of axiosRetryConfig and as often', async () => {
    server.script({ status: 500 }, { status: 500 }, { status: 503 });
    const delays: unknown[] = [];
    const retryDelay = (retryNumber: number, { message }: Error): number => {
      delays.push([retryNumber, message]);
      return 1;
    };
    const options = {
      axiosInstance: axios.create(),
      retryCount: 9,
      axiosRetryConfig: { retries: 2, retryDelay },
    };
    await expect(send(options)).rejects.toMatchObject({ code: 'HTTP_503', response: { status: 503 } });
    expect(server.requests).toHaveLength(3);
    expect(delays.slice(0, 2)).toEqual([
      [1, 'Internal Server Error'],
      [2, 'Internal Server Error'],
    ]);
  });

  it('retries all the same, and says so, when retryDelay throws', async () => {
    server.script({ status: 500 });
    const errors: unknown[] = [];
    const errorHandler = ({ message }: Error): number => errors.push(message);
    await send({ axiosRetryConfig: { retries: 1, retryDelay: thrower }, errorHandler });
    expect(server.requests).toHaveLength(2);
    expect(errors).toEqual(['axiosRetryConfig.retryDelay threw an error']);
  });

  it('does not, when retryCount is 0', async () => {
    server.script({ status: 500 });
    const options = { axiosInstance: axios.create(), retryCount: 0, axiosRetryConfig: { retries: 2 } };
    await expect(send(options)).rejects.toMatchObject({ code: 'HTTP_500' });
    expect(server.requests).toHaveLength(1);
  });

  it.each([
    ['instance', () => ({ axiosInstance: axios.create({ timeout: 50 }) })],
    ['configuration', () => ({ axiosInstance: axios.create(), axiosConfig: { timeout: 50 } })],
    ['client', () => ({ axiosInstance: axios.create({ timeout: 60_000 }), timeout: 50 })],
  ])('waits as long as the %s says', async (_, options) => {
    const { opened, open } = gate();
    server.script({ after: opened });
    await expect(send({ ...options(), retryCount: 0 })).rejects.toThrow('timeout of 50ms exceeded');
    open();
  });

  it('loses nothing to a redirect that axios would make a GET of', async () => {
    server.script({ status: 302, headers: { location: '/elsewhere' } });
    await expect(send({ axiosInstance: axios.create() })).rejects.toMatchObject({ code: 'HTTP_302' });
  });

  it('is called within the call, as tests that replace it expect', async () => {
    const post = vi.fn<AxiosLike['post']>().mockResolvedValue(undefined);
    const analytics = client({ axiosInstance: { post }, flushAt: 1 });
    analytics.track({ userId: 'u', event: 'e' });
    expect(post).toHaveBeenCalledOnce();
    await analytics.closeAndFlush();
  });

  it('takes whatever a fake resolves with for success', async () => {
    const post = vi.fn<AxiosLike['post']>().mockResolvedValue(undefined);
    await send({ axiosInstance: { post } });
    expect(post).toHaveBeenCalledWith(`${server.host}/v1/batch`, expect.anything(), expect.anything());
  });

  it('is asked for when only its configuration is there', () => {
    expect(() => client({ axiosConfig: {} })).toThrow('The option "axiosConfig" needs "axiosInstance"');
    expect(() => client({ axiosInstance: {} } as unknown as AnalyticsOptions)).toThrow(
      '"axiosInstance" must be',
    );
    expect(() => client({ axiosInstance: axios.create(), httpClient: fetch })).toThrow('exclude each other');
  });

  it('is not needed for the number of retries', async () => {
    server.script({ status: 500 }, { status: 500 });
    await expect(send({ axiosRetryConfig: { retries: 1, retryDelay: () => 0 } })).rejects.toMatchObject({
      code: 'HTTP_500',
    });
    expect(server.requests).toHaveLength(2);
  });
});
