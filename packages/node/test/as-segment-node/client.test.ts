import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startServer, type ScriptedServer } from '../scripted-server.ts';
import { CALLS, LIBRARIES, VALID, type Client, type Context } from './libraries.ts';

let server: ScriptedServer;

beforeEach(async () => {
  server = await startServer();
});

afterEach(async () => {
  await server.close();
});

const sent = () => server.requests.flatMap(({ body }) => body.batch);

describe.each(LIBRARIES)('%s', (_, Library) => {
  const client = (settings: object = {}): Client =>
    new Library({ writeKey: 'KEY', host: server.host, ...settings });

  it('wants a write key', () => {
    expect(() => new Library({})).toThrow(/write ?key/i);
    expect(() => new Library({ writeKey: '' })).toThrow(/write ?key/i);
  });

  it('is ready, and says its version', async () => {
    const analytics = client();
    expect(analytics.VERSION).toMatch(/^\d+\.\d+\.\d+/);
    await analytics.ready;
  });

  it('sends what the six calls are given', async () => {
    const analytics = client();
    const timestamp = new Date('2026-01-02T03:04:05.678Z');
    analytics.identify({ userId: 'u', traits: { plan: 'pro' } });
    analytics.track({ userId: 'u', event: 'e', properties: { a: [1] }, timestamp });
    analytics.page({ anonymousId: 'a', category: 'c', name: 'n', properties: { url: 'x' } });
    analytics.screen({ anonymousId: 'a', name: 'n', context: { ip: '1' } });
    analytics.group({ userId: 'u', groupId: 'g', traits: { seats: 2 }, integrations: { All: false } });
    analytics.alias({ userId: 'u', previousId: 'p', messageId: 'mine' });
    await analytics.closeAndFlush();
    expect(sent()).toMatchObject([
      { type: 'identify', userId: 'u', traits: { plan: 'pro' } },
      { type: 'track', userId: 'u', event: 'e', properties: { a: [1] }, timestamp: timestamp.toISOString() },
      { type: 'page', anonymousId: 'a', name: 'n', properties: { url: 'x' } },
      { type: 'screen', anonymousId: 'a', name: 'n', context: { ip: '1' } },
      { type: 'group', userId: 'u', groupId: 'g', traits: { seats: 2 }, integrations: { All: false } },
      { type: 'alias', userId: 'u', previousId: 'p', messageId: 'mine' },
    ]);
    for (const event of sent()) {
      expect(event).toMatchObject({
        messageId: expect.any(String) as string,
        timestamp: expect.stringMatching(/Z$/) as string,
        context: { library: { name: expect.any(String) as string, version: expect.any(String) as string } },
        _metadata: { nodeVersion: expect.stringContaining(process.versions.node) as string },
      });
    }
  });

  it('has methods that need no client to be called on', async () => {
    const analytics = client();
    const { track, closeAndFlush } = analytics;
    track(VALID);
    await closeAndFlush();
    expect(sent()).toMatchObject([{ type: 'track' }]);
  });

  it('sends with the key as Basic authentication to the path', async () => {
    const analytics = client({ path: '/v2/other' });
    analytics.track(VALID);
    await analytics.closeAndFlush();
    expect(server.requests[0]).toMatchObject({
      method: 'POST',
      path: '/v2/other',
      headers: { 'content-type': 'application/json', authorization: `Basic ${btoa('KEY:')}` },
      body: { sentAt: expect.stringMatching(/Z$/) as string },
    });
  });

  it('calls back without an error once an event is delivered', async () => {
    const analytics = client();
    const callback = vi.fn<(error?: unknown) => void>();
    analytics.track(VALID, callback);
    await analytics.closeAndFlush();
    expect(callback).toHaveBeenCalledTimes(1);
    expect(callback.mock.calls[0]?.[0]).toBeUndefined();
  });

  it('calls back with an error, and emits it, once an event is given up', async () => {
    server.script({ status: 400 });
    const analytics = client();
    const callback = vi.fn<(error?: unknown) => void>();
    const listener = vi.fn<(error: { code: string }) => void>();
    analytics.on('error', listener).track(VALID, callback);
    await analytics.closeAndFlush().catch(() => undefined);
    expect(callback).toHaveBeenCalledTimes(1);
    expect(callback.mock.calls[0]?.[0]).toBeTruthy();
    expect(listener).toHaveBeenCalledTimes(1);
    expect(listener.mock.calls[0]?.[0].code).toEqual(expect.any(String));
  });

  it('sends nothing when disabled', async () => {
    const analytics = client({ disable: true });
    analytics.track(VALID);
    await analytics.closeAndFlush();
    expect(server.requests).toEqual([]);
  });

  it('refuses what comes after closeAndFlush, and says so', async () => {
    const analytics = client();
    const listener = vi.fn<(event: Record<string, unknown>) => void>();
    analytics.on('call_after_close', listener);
    await analytics.closeAndFlush();
    analytics.track(VALID);
    expect(listener).toHaveBeenCalledTimes(1);
    expect(listener.mock.calls[0]?.[0]).toMatchObject({ type: 'track', userId: 'u', event: 'e' });
    expect(server.requests).toEqual([]);
  });

  it('flushes without being closed, and tells when it is drained', async () => {
    const analytics = client();
    const drained = vi.fn<() => void>();
    analytics.on('drained', drained);
    analytics.track(VALID);
    await analytics.flush();
    expect(sent()).toHaveLength(1);
    await vi.waitFor(() => expect(drained).toHaveBeenCalled());
    analytics.track(VALID);
    await analytics.flush({ close: true });
    expect(sent()).toHaveLength(2);
    analytics.track(VALID);
    await analytics.flush();
    expect(sent()).toHaveLength(2);
  });

  it.each(CALLS)('tells listeners of %s what is sent', async (call) => {
    const analytics = client();
    const listener = vi.fn<(context: Context) => void>();
    analytics.on(call, listener);
    analytics[call]({ ...VALID });
    await analytics.closeAndFlush();
    expect(listener).toHaveBeenCalledTimes(1);
    const { messageId, type, userId } = listener.mock.calls[0]![0].event;
    expect({ messageId, type, userId }).toEqual({
      messageId: sent()[0]?.['messageId'],
      type: call,
      userId: 'u',
    });
  });

  it('tells listeners of each request and its answer', async () => {
    const analytics = client();
    const request =
      vi.fn<(request: { url: string; method: string; headers: object; body: string }) => void>();
    const response = vi.fn<(response: { status: number; url: string }) => void>();
    analytics.on('http_request', request).on('http_response', response);
    analytics.track(VALID);
    await analytics.closeAndFlush();
    expect(request).toHaveBeenCalledTimes(1);
    const { url, method, body } = request.mock.calls[0]![0];
    expect([url, method]).toEqual([`${server.host}/v1/batch`, 'POST']);
    expect((JSON.parse(body) as { batch: object[] }).batch).toHaveLength(1);
    expect(response.mock.calls[0]?.[0]).toMatchObject({ status: 200 });
  });

  it.each(['a function', 'an object'])('sends through an httpClient that is %s', async (form) => {
    const requests: { url: string; body: string }[] = [];
    const answer = async (url: string, body: unknown): Promise<object> => {
      requests.push({ url, body: String(body) });
      return { status: 200, statusText: 'OK', headers: {}, text: async () => '', json: async () => ({}) };
    };
    const httpClient =
      form === 'a function'
        ? (url: string, { body }: { body: unknown }) => answer(url, body)
        : {
            makeRequest: ({ url, body }: { url: string; body?: unknown }) => answer(url, body),
          };
    const analytics = client({ httpClient });
    analytics.track(VALID);
    await analytics.closeAndFlush();
    expect(requests).toHaveLength(1);
    expect(requests[0]?.url).toBe(`${server.host}/v1/batch`);
    expect(JSON.parse(requests[0]!.body)).toMatchObject({ batch: [{ type: 'track', userId: 'u' }] });
    expect(server.requests).toEqual([]);
  });

  it('calls a listener once, or until it is taken away', async () => {
    const analytics = client();
    const once = vi.fn<(event: object) => void>();
    const gone = vi.fn<(event: object) => void>();
    await analytics.closeAndFlush();
    analytics.once('call_after_close', once).on('call_after_close', gone).off('call_after_close', gone);
    analytics.track(VALID);
    analytics.track(VALID);
    expect([once.mock.calls.length, gone.mock.calls.length]).toEqual([1, 0]);
  });
});
