import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startServer, type ScriptedServer } from '../test/scripted-server.ts';
import { Analytics } from './analytics.ts';
import type { ClientEvents } from './events.ts';
import type { AnalyticsOptions } from './options.ts';

let server: ScriptedServer;

beforeEach(async () => {
  server = await startServer();
});

afterEach(async () => {
  await server.close();
});

function client(options: AnalyticsOptions = {}): Analytics {
  const analytics = new Analytics('KEY', { host: server.host, ...options });
  analytics.flushed = true;
  return analytics;
}

function heard<Name extends keyof ClientEvents>(analytics: Analytics, name: Name): ClientEvents[Name][] {
  const calls: ClientEvents[Name][] = [];
  analytics.on(name, (...args) => calls.push(args));
  return calls;
}

describe('a listener', () => {
  it('of `flush` is told of each flush that was asked for, with its error', async () => {
    const analytics = client();
    const calls = heard(analytics, 'flush');
    await analytics.flush();
    analytics.track({ userId: 'u', event: 'a' });
    await analytics.flush();
    server.script({ status: 400 });
    analytics.track({ userId: 'u', event: 'b' });
    await analytics.flush().catch(() => undefined);
    expect(calls).toMatchObject([
      [{ batch: [{ event: 'a' }] }, undefined],
      [{ batch: [{ event: 'b' }] }, { code: 'HTTP_400' }],
    ]);
  });

  it('of `drained` is told when nothing is left', async () => {
    const analytics = client();
    const calls = heard(analytics, 'drained');
    analytics.track({ userId: 'u', event: 'a' });
    await analytics.flush();
    expect(calls).toHaveLength(1);
  });

  it('of `call_after_close` is told of the event that was refused', async () => {
    const analytics = client();
    const calls = heard(analytics, 'call_after_close');
    await analytics.closeAndFlush();
    analytics.track({ userId: 'u', event: 'late' });
    expect(calls).toMatchObject([[{ type: 'track', userId: 'u', event: 'late' }]]);
  });

  it('of a call is told of each event of that type that was delivered, after its callback', async () => {
    const analytics = client();
    const log: unknown[] = [];
    analytics.on('track', (ctx) => log.push(ctx.event['event']));
    analytics.on('identify', (ctx) => log.push(ctx.event['type']));
    analytics.track({ userId: 'u', event: 'a' }, () => log.push('callback'));
    analytics.identify({ userId: 'u' });
    await analytics.flush();
    server.script({ status: 400 });
    analytics.track({ userId: 'u', event: 'lost' });
    await analytics.flush().catch(() => undefined);
    expect(log).toEqual(['callback', 'a', 'identify']);
  });

  it('of `http_request` and `http_response` is told of each attempt', async () => {
    const analytics = client();
    const requests = heard(analytics, 'http_request');
    const responses = heard(analytics, 'http_response');
    server.script({ status: 503, headers: { 'retry-after': '0' } });
    analytics.track({ userId: 'u', event: 'a' });
    await analytics.flush();
    const url = `${server.host}/v1/batch`;
    expect(requests.map(([request]) => request)).toMatchObject([
      { url, method: 'POST', headers: { authorization: expect.stringMatching(/^Basic /) as string } },
      { url, method: 'POST' },
    ]);
    expect(JSON.parse(requests[0]![0].body)).toMatchObject({ batch: [{ event: 'a' }] });
    expect(responses.map(([response]) => response)).toMatchObject([
      { status: 503, statusText: 'Service Unavailable', url, headers: { 'retry-after': '0' } },
      { status: 200, statusText: 'OK', url, headers: {} },
    ]);
  });

  it('is told no more once it is removed', async () => {
    const analytics = client();
    let calls = 0;
    const listener = (): void => void (calls += 1);
    analytics.once('drained', listener).on('drained', listener).off('drained', listener);
    for (let count = 0; count < 2; count += 1) {
      analytics.track({ userId: 'u', event: 'a' });
      await analytics.flush();
    }
    expect(calls).toBe(1);
  });
});
