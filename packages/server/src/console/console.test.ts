import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { systemClock } from '../clock.ts';
import { createConsole, type ConsoleOptions } from './console.ts';
import { createFakeLog, emptyLedger, emptySearch, emptyTrace } from './fakes.ts';
import { createMetrics } from './metrics.ts';
import { createRefusedRing } from './refused-ring.ts';
import type { EventsReply, FeedEvent } from './wire.ts';

let staticDir: string;
beforeAll(async () => {
  staticDir = await mkdtemp(join(tmpdir(), 'millrace-console-'));
  await mkdir(join(staticDir, 'assets'));
  await writeFile(join(staticDir, 'index.html'), '<title>Millrace console</title>');
  await writeFile(join(staticDir, 'assets', 'index-abc123.js'), '/* the page */');
});
afterAll(() => rm(staticDir, { recursive: true }));

function consoleOf(given: Partial<ConsoleOptions> = {}) {
  const fake = createFakeLog();
  const refused = createRefusedRing({ runId: '1' });
  const app = createConsole({
    log: fake.log,
    reader: fake.reader,
    refused,
    receivedCount: () => fake.log.durableEnds[0] ?? 0,
    ledger: emptyLedger,
    search: emptySearch,
    trace: emptyTrace,
    changeDead: () => Promise.resolve({ count: 0 }),
    sources: () => [{ id: 'web', name: 'Web', writeKey: 'wk_live_0123456789' }],
    destinations: () => [],
    logStatus: () => ({ bytes: 0, starts: { 0: 0 } }),
    routerStatus: () => ({ state: 'running', destinations: [] }),
    trackingUrl: 'http://127.0.0.1:3700',
    acceptsAnyWriteKey: () => false,
    configFault: () => undefined,
    refusedStore: { find: () => [] },
    readiness: () => ({ log: 'ready', router: 'ready', ledger: 'ready' }),
    metrics: createMetrics({ version: '1' }),
    hosts: [],
    staticDir,
    clock: systemClock,
    logger: { warn: () => {}, error: () => {} },
    ...given,
  });
  return { app, fake, refused };
}

const PROBES = ['/healthz', '/readyz'];
const ROUTES = [
  '/',
  '/assets/index-abc123.js',
  '/api/status',
  '/api/events',
  '/api/stream',
  '/api/search',
  '/api/trace/some-id',
  '/api/refused',
  '/metrics',
  ...PROBES,
  '/api/dead',
  '/api/dead/hook/0/1',
  '/nothing',
  '/%',
];

describe('who is answered', () => {
  test.each(ROUTES)(
    '%s: not a foreign host, so that no page can rebind its name to this machine',
    async (url) => {
      const reply = await consoleOf().app.inject({ url, headers: { host: 'evil.example' } });
      expect(reply.statusCode).toBe(403);
      expect(reply.json()).toMatchObject({ code: 'forbidden_host' });
    },
  );

  test.each(ROUTES)('%s: not a page of another origin', async (url) => {
    const headers = { host: 'localhost', origin: 'http://evil.example' };
    const reply = await consoleOf().app.inject({ url, headers });
    expect(reply.statusCode).toBe(403);
    expect(reply.json()).toMatchObject({ code: 'forbidden_origin' });
  });

  test.each(['POST', 'PUT', 'DELETE'] as const)(
    '%s from another origin is refused, any route',
    async (method) => {
      const headers = { host: 'localhost', origin: 'http://evil.example' };
      const reply = await consoleOf().app.inject({ method, url: '/api/status', headers });
      expect(reply.json()).toMatchObject({ code: 'forbidden_origin' });
    },
  );

  test.each(PROBES)('%s: a probe, which carries no token', async (url) => {
    const { app } = consoleOf({ token: 'a-token-of-at-least-thirty-two-characters' });
    const reply = await app.inject({ url, headers: { host: 'localhost' } });
    expect(reply.statusCode).toBe(200);
  });

  const guarded = ROUTES.filter((url) => !PROBES.includes(url));
  test.each(guarded)('%s: nobody without the token, where there is one', async (url) => {
    const { app } = consoleOf({ token: 'a-token-of-at-least-thirty-two-characters' });
    const reply = await app.inject({ url, headers: { host: 'localhost', authorization: 'Bearer wrong' } });
    expect(reply.statusCode).toBe(401);
    expect(reply.headers['www-authenticate']).toBe('Bearer');
    expect(reply.json()).toMatchObject({ code: 'unauthorized_console' });
  });

  test.each([
    ['a foreign host', { host: 'evil.example' }, 403],
    ['a page of another origin', { host: 'localhost', origin: 'http://evil.example' }, 403],
    ['nobody without the token', { host: 'localhost' }, 401],
  ])('what changes dead letters: not %s', async (_, headers, status) => {
    let asked = false;
    const { app } = consoleOf({
      token: 'a-token-of-at-least-thirty-two-characters',
      async changeDead() {
        asked = true;
        return { count: 0 };
      },
    });
    for (const url of ['/api/dead/retry', '/api/dead/drop']) {
      const reply = await app.inject({ method: 'POST', url, headers, payload: { all: true } });
      expect(reply.statusCode).toBe(status);
    }
    expect(asked).toBe(false);
  });

  test('whoever has the token', async () => {
    const token = 'a-token-of-at-least-thirty-two-characters';
    const { app } = consoleOf({ token });
    const reply = await app.inject({
      url: '/',
      headers: { host: 'localhost', authorization: `Bearer ${token}` },
    });
    expect(reply.statusCode).toBe(200);
  });
});

describe('the page', () => {
  test('is served with headers that keep it to itself', async () => {
    const reply = await consoleOf().app.inject({ url: '/', headers: { host: 'localhost' } });
    expect(reply.body).toContain('Millrace console');
    expect(reply.headers['content-security-policy']).toContain("default-src 'self'");
    expect(reply.headers['content-security-policy']).toContain("frame-ancestors 'none'");
    expect(reply.headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-cache',
    });
  });

  test('lets its hashed files be kept', async () => {
    const reply = await consoleOf().app.inject({
      url: '/assets/index-abc123.js',
      headers: { host: 'localhost' },
    });
    expect(reply.headers['cache-control']).toContain('immutable');
  });

  test('serves nothing from outside its folder', async () => {
    const { app } = consoleOf();
    for (const url of ['/../package.json', '/%2e%2e/package.json', '/..%2fpackage.json']) {
      const reply = await app.inject({ url, headers: { host: 'localhost' } });
      expect(reply.statusCode).toBeGreaterThanOrEqual(400);
    }
  });
});

async function eventsOf(app: ReturnType<typeof consoleOf>['app'], query = ''): Promise<FeedEvent[]> {
  const reply = await app.inject({ url: `/api/events${query}`, headers: { host: 'localhost' } });
  expect(reply.headers['cache-control']).toBe('no-store');
  return reply.json<EventsReply>().events;
}

describe('GET /api/events', () => {
  test('received and refused events, newest first', async () => {
    const { app, fake, refused } = consoleOf();
    fake.add({ event: 'first' }, { receivedAtMs: 10 });
    refused.add({ code: 'invalid_json', receivedAtMs: 20, sizeBytes: 5 });
    fake.add({ event: 'last' }, { receivedAtMs: 30 });

    const events = await eventsOf(app);
    expect(events.map(({ receivedAtMs, kind }) => [receivedAtMs, kind])).toEqual([
      [30, 'received'],
      [20, 'refused'],
      [10, 'received'],
    ]);
  });

  test('the newest, no more than asked', async () => {
    const { app, fake } = consoleOf();
    for (let index = 0; index < 50; index++) fake.add({ index });
    const events = await eventsOf(app, '?limit=3');
    expect(events.map(({ receivedAtMs }) => receivedAtMs)).toEqual([49, 48, 47]);
  });

  test('the text of the log, number by number', async () => {
    const { app, fake } = consoleOf();
    fake.add({ big: 1 });
    const [event] = await eventsOf(app);
    expect(event?.json).toBe('{"big":1}');
  });

  test.each(['0', '-1', '1001', '1.5', 'x', ''])('limit=%j is refused by name and bound', async (limit) => {
    const reply = await consoleOf().app.inject({
      url: `/api/events?limit=${limit}`,
      headers: { host: 'localhost' },
    });
    expect(reply.statusCode).toBe(400);
    expect(reply.json()).toEqual({
      code: 'invalid_request',
      message: 'limit must be an integer from 1 to 1000',
    });
  });

  test('a log that cannot be read answers 500 with a code, and the cause goes to our own log', async () => {
    const error = vi.fn<(details: unknown) => void>();
    const { app, fake } = consoleOf({ logger: { warn: () => {}, error } });
    fake.add({ event: 'lost' });
    fake.damaged.add(0);
    const reply = await app.inject({ url: '/api/events', headers: { host: 'localhost' } });
    expect(reply.statusCode).toBe(500);
    expect(reply.json()).toMatchObject({ code: 'console_failed' });
    expect(error).toHaveBeenCalledOnce();
  });
});

test('GET /api/status holds no write key', async () => {
  const { app, fake } = consoleOf();
  fake.add({ event: 'one' });
  const reply = await app.inject({ url: '/api/status', headers: { host: 'localhost' } });
  expect(reply.json()).toMatchObject({
    trackingUrl: 'http://127.0.0.1:3700',
    counts: { receivedCount: 1, refusedCount: 0, duplicateCount: 0 },
    sources: [{ id: 'web', name: 'Web', maskedWriteKey: '…6789' }],
  });
  expect(reply.body).not.toContain('wk_live');
});

test('what there is not answers 404 with a code', async () => {
  const reply = await consoleOf().app.inject({ url: '/api/nothing', headers: { host: 'localhost' } });
  expect(reply.statusCode).toBe(404);
  expect(reply.json()).toMatchObject({ code: 'not_found' });
});

describe('GET /api/trace/:messageId', () => {
  test('answers with what the trace says of the decoded id', async () => {
    const asked: string[] = [];
    const { app } = consoleOf({
      trace: async (messageId) => {
        asked.push(messageId);
        return { messageId, events: [], duplicates: [{ receivedAtMs: 5 }] };
      },
    });
    const reply = await app.inject('/api/trace/a%2Fb%20c');
    expect(reply.json()).toEqual({ messageId: 'a/b c', events: [], duplicates: [{ receivedAtMs: 5 }] });
    expect(asked).toEqual(['a/b c']);
  });

  test('says 404 of an event that nobody knows', async () => {
    const reply = await consoleOf().app.inject('/api/trace/none');
    expect(reply.statusCode).toBe(404);
    expect(reply.json()).toMatchObject({ code: 'unknown_message' });
  });

  test('looks for four events at a time', async () => {
    const waiting: (() => void)[] = [];
    const { app } = consoleOf({
      trace: () => new Promise((resolve) => waiting.push(() => resolve(undefined))),
    });
    const looking = Array.from({ length: 4 }, async () => await app.inject('/api/trace/slow'));
    await vi.waitFor(() => expect(waiting).toHaveLength(4));
    const fifth = await app.inject('/api/trace/slow');
    expect(fifth.statusCode).toBe(503);
    expect(fifth.json()).toMatchObject({ code: 'too_many_traces' });
    for (const answer of waiting) answer();
    for (const reply of await Promise.all(looking)) expect(reply.statusCode).toBe(404);
  });
});

describe('GET /api/search', () => {
  test('asks for what stands in the address, and gives events and cursor', async () => {
    const asked: unknown[] = [];
    const json = Buffer.from('{"messageId":"m"}');
    const record = { partition: 0, position: 7, sourceId: 'web', receivedAtMs: 5, flags: 1, json };
    const { app } = consoleOf({
      search: {
        find: async (query, page) => {
          asked.push(query, page);
          return { hits: [record], next: { 0: 7, 1: 2 }, searchedToMs: 4 };
        },
      },
    });
    const address =
      '/api/search?event=A%20b&userId=u&source=web&from=2026-01-01T00:00:00Z&to=17&text=x&limit=3&before=0:9,1:2';
    const reply = await app.inject(address);
    expect(asked).toEqual([
      {
        event: 'A b',
        userId: 'u',
        sourceId: 'web',
        fromMs: Date.parse('2026-01-01T00:00:00Z'),
        toMs: 17,
        text: 'x',
      },
      { limit: 3, before: { 0: 9, 1: 2 } },
    ]);
    expect(reply.json()).toEqual({
      events: [
        {
          kind: 'received',
          partition: 0,
          position: 7,
          sourceId: 'web',
          receivedAtMs: 5,
          timestampSkewed: true,
          json: '{"messageId":"m"}',
        },
      ],
      next: '0:7,1:2',
      searchedToMs: 4,
    });
  });

  test.each([
    ['limit=0', /limit .* 1 to 200/],
    ['limit=201', /limit/],
    ['from=yesterday', /from must be a time/],
    ['before=7', /before/],
    ['user=u', /user is not known/],
    ['userId=a&userId=b', /userId must be given once/],
    ['text=', /text must not be empty/],
    [`text=${'x'.repeat(1_001)}`, /at most 1000/],
  ])('refuses %s', async (query, words) => {
    const reply = await consoleOf().app.inject(`/api/search?${query}`);
    expect(reply.statusCode).toBe(400);
    expect(reply.json()).toMatchObject({
      code: 'invalid_request',
      message: expect.stringMatching(words) as string,
    });
  });

  test('searches four times at once, and ends a search at a stop', async () => {
    let waiting = 0;
    const { app } = consoleOf({
      search: {
        find: (_, __, signal) =>
          new Promise((resolve) => {
            waiting += 1;
            signal.addEventListener('abort', () => resolve({ hits: [] }));
          }),
      },
    });
    const looking = Array.from({ length: 4 }, async () => await app.inject('/api/search'));
    await vi.waitFor(() => expect(waiting).toBe(4));
    const fifth = await app.inject('/api/search');
    expect(fifth.statusCode).toBe(503);
    expect(fifth.json()).toMatchObject({ code: 'too_many_searches' });
    await app.close();
    await Promise.all(looking);
  });
});
