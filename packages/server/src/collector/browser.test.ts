import { fastify, type FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../clock.ts';
import { memoryLog } from '../log/memory-log.ts';
import { createCollector, type CollectorOptions } from './collector.ts';
import { GIF } from './pixel.ts';
import type { Refusal } from './refusal.ts';
import { configuredSources } from './sources.ts';
import { watchLog, type WatchedLog } from './test-rig.ts';

let app: FastifyInstance = fastify();
let log: WatchedLog;
let refusals: Refusal[];

function start(given: Partial<CollectorOptions> = {}): void {
  log = watchLog(memoryLog().log);
  refusals = [];
  app = createCollector({
    log,
    sources: configuredSources([{ id: 'web', name: 'Web', writeKey: 'web-key' }]),
    clock: systemClock,
    onRefused: (refusal) => refusals.push(refusal),
    ...given,
  });
}

beforeEach(() => start());
afterEach(() => app.close());

const settings = (host: string, protocol: string) => ({
  integrations: { 'Segment.io': { apiKey: 'web-key', apiHost: `${host}/v1`, protocol } },
  plan: {},
  metrics: { host: `${host}/v1`, sampleRate: 0 },
  remotePlugins: [],
});

const ask = (headers = {}) =>
  app.inject({
    url: '/v1/projects/web-key/settings',
    headers: { host: 'localhost:3700', origin: 'https://a.example', ...headers },
  });

const post = (url: string, event: object, headers = {}) =>
  app.inject({
    method: 'POST',
    url,
    headers: { 'content-type': 'text/plain', ...headers },
    payload: JSON.stringify({ writeKey: 'web-key', event: 'E', userId: 'u', ...event }),
  });

describe('a page of any origin', () => {
  const origin = 'https://shop.example';

  it('may send, with the headers that it asks for', async () => {
    const reply = await app.inject({
      method: 'OPTIONS',
      url: '/v1/t',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'content-type, x-retry-count',
      },
    });
    expect(reply.statusCode).toBe(204);
    expect(reply.headers).toMatchObject({
      'access-control-allow-origin': '*',
      'access-control-allow-headers': 'content-type, x-retry-count',
      'access-control-max-age': '7200',
    });
    expect(reply.headers).not.toHaveProperty('access-control-allow-credentials');
  });

  it.each([
    ['an event', '/v1/t', { writeKey: 'web-key', event: 'E', userId: 'u' }, 200],
    ['a refusal', '/v1/t', { writeKey: 'web-key' }, 400],
    ['what is not found', '/nothing', {}, 404],
  ])('may read the answer to %s', async (_, url, payload, status) => {
    const reply = await app.inject({ method: 'POST', url, headers: { origin }, payload });
    expect(reply.statusCode).toBe(status);
    expect(reply.headers['access-control-allow-origin']).toBe('*');
    expect(reply.headers['access-control-expose-headers']).toBe('Retry-After, X-RateLimit-Reset');
  });
});

describe('the address of the user', () => {
  it('is that of the connection, where a browser sent the event and said none', async () => {
    await post('/v1/t', {});
    await post('/v1/t', { context: { locale: 'de' } });
    await post('/v1/t', { context: { ip: '10.0.0.1' } });
    await post('/v1/b', { batch: [{ type: 'track', event: 'E', userId: 'u' }] });
    expect(log.bodies.map(({ context }) => context)).toEqual([
      { ip: '127.0.0.1' },
      { locale: 'de', ip: '127.0.0.1' },
      { ip: '10.0.0.1' },
      { ip: '127.0.0.1' },
    ]);
  });

  it('is never that of a server', async () => {
    await post('/v1/track', {});
    expect(log.bodies[0]).not.toHaveProperty('context');
  });

  it('is what a trusted proxy says, and no other', async () => {
    const forwarded = { 'x-forwarded-for': '203.0.113.9' };
    await post('/v1/t', {}, forwarded);
    expect(log.bodies[0]).toMatchObject({ context: { ip: '127.0.0.1' } });
    await app.close();
    start({ trustProxy: ['127.0.0.1'] });
    await post('/v1/t', {}, forwarded);
    expect(log.bodies[0]).toMatchObject({ context: { ip: '203.0.113.9' } });
  });
});

describe("the browser SDK's settings", () => {
  it('name the host that was asked', async () => {
    const reply = await ask();
    expect(reply.json()).toEqual(settings('localhost:3700', 'http'));
    expect(reply.headers['access-control-allow-origin']).toBe('*');
  });

  it('name what a trusted proxy was asked', async () => {
    await app.close();
    start({ trustProxy: true });
    const reply = await ask({ 'x-forwarded-host': 'events.example', 'x-forwarded-proto': 'https' });
    expect(reply.json()).toEqual(settings('events.example', 'https'));
  });

  it('name the public address where there is one', async () => {
    await app.close();
    start({ publicUrl: 'https://events.example/in/' });
    expect((await ask()).json()).toEqual(settings('events.example/in', 'https'));
  });

  it('are not for an unknown key', async () => {
    const reply = await app.inject('/v1/projects/nope/settings');
    expect(reply.statusCode).toBe(401);
    expect(reply.json()).toMatchObject({ code: 'project_not_found' });
  });
});

it('takes what the browser SDK measures of itself', async () => {
  const reply = await app.inject({ method: 'POST', url: '/v1/m', payload: { series: [{}] } });
  expect([reply.statusCode, reply.json()]).toEqual([200, { success: true }]);
});

describe('the pixel', () => {
  it('is an event, and always a picture', async () => {
    const data = Buffer.from(JSON.stringify({ writeKey: 'web-key', userId: 'u', event: 'Opened' }));
    const reply = await app.inject(`/v1/pixel/track?data=${data.toString('base64url')}`);
    expect(reply.statusCode).toBe(200);
    expect(reply.headers).toMatchObject({ 'content-type': 'image/gif', 'cache-control': 'no-store' });
    expect(reply.rawPayload).toEqual(GIF);
    expect(log.bodies).toMatchObject([
      { type: 'track', event: 'Opened', userId: 'u', context: { ip: '127.0.0.1' } },
    ]);
    expect(log.bodies[0]).not.toHaveProperty('writeKey');
  });

  it('is an event written with dots', async () => {
    await app.inject('/v1/pixel/page?writeKey=web-key&anonymousId=a&properties.title=Hi');
    expect(log.bodies).toMatchObject([{ type: 'page', anonymousId: 'a', properties: { title: 'Hi' } }]);
  });

  it.each([
    ['track?userId=u&event=E', 'missing_write_key'],
    ['track?writeKey=web-key&event=E', 'no_user_anon_id'],
    ['track?data=nonsense&writeKey=web-key', 'invalid_json'],
  ])('of what is refused is a picture too, and the refusal is kept: %s', async (query, code) => {
    const reply = await app.inject(`/v1/pixel/${query}`);
    expect(reply.statusCode).toBe(200);
    expect(reply.rawPayload).toEqual(GIF);
    expect(refusals).toMatchObject([{ code }]);
  });
});
