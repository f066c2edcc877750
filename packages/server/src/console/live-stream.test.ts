import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { systemClock, type Clock } from '../clock.ts';
import { createConsole } from './console.ts';
import { createMetrics } from './metrics.ts';
import { createFakeLog, emptyLedger, emptySearch, emptyTrace, type FakeLog } from './fakes.ts';
import { CHUNK, MAX_BEHIND_COUNT } from './log-tail.ts';
import { createRefusedRing, type RefusedRing } from './refused-ring.ts';
import type { ReceivedMessage, RefusedMessage } from './wire.ts';

/** No test waits for the pace at which a page is fed. */
const quickClock: Clock = {
  ...systemClock,
  sleep: (delayMs, signal) => systemClock.sleep(Math.min(delayMs, 5), signal),
};

interface Frame {
  id: string;
  event: string;
  data: unknown;
}

interface Watcher {
  frames: Frame[];
  comments: string[];
  ended: Promise<void>;
  leave(): void;
}

let staticDir: string;
let fake: FakeLog;
let refused: RefusedRing;
let app: ReturnType<typeof createConsole>;
const watchers: Watcher[] = [];

beforeEach(async () => {
  staticDir = await mkdtemp(join(tmpdir(), 'millrace-console-'));
  await writeFile(join(staticDir, 'index.html'), '');
  fake = createFakeLog();
  refused = createRefusedRing({ runId: '1' });
  app = serve(refused);
  await app.listen({ port: 0, host: '127.0.0.1' });
});

afterEach(async () => {
  for (const watcher of watchers.splice(0)) watcher.leave();
  await app.close();
  await rm(staticDir, { recursive: true });
});

function serve(ring: RefusedRing, clock: Clock = quickClock): typeof app {
  return createConsole({
    log: fake.log,
    reader: fake.reader,
    refused: ring,
    receivedCount: () => fake.log.durableEnds[0] ?? 0,
    ledger: emptyLedger,
    search: emptySearch,
    trace: emptyTrace,
    changeDead: () => Promise.resolve({ count: 0 }),
    sources: () => [],
    destinations: () => [],
    logStatus: () => ({ bytes: 0, starts: { 0: 0 } }),
    routerStatus: () => ({ state: 'running', destinations: [] }),
    trackingUrl: 'http://127.0.0.1:3700',
    acceptsAnyWriteKey: () => true,
    configFault: () => undefined,
    refusedStore: { find: () => [] },
    readiness: () => ({ log: 'ready', router: 'ready', ledger: 'ready' }),
    metrics: createMetrics({ version: '1' }),
    hosts: [],
    staticDir,
    clock,
    logger: { warn: () => {}, error: () => {} },
  });
}

function watch(path = '/api/stream', headers: Record<string, string> = {}): Promise<Watcher> {
  const { port } = app.server.address() as AddressInfo;
  return new Promise((resolve, reject) => {
    const call = request({ port, host: '127.0.0.1', path, headers, agent: false }, (response) => {
      expect(response.statusCode).toBe(200);
      expect(response.headers['content-type']).toBe('text/event-stream');
      const watcher: Watcher = {
        frames: [],
        comments: [],
        ended: new Promise((end) => response.on('close', end)),
        leave: () => call.destroy(),
      };
      let text = '';
      response.setEncoding('utf8').on('error', () => {});
      response.on('data', (part: string) => {
        const blocks = (text + part).split('\n\n');
        text = blocks.pop() ?? '';
        for (const block of blocks) {
          if (block.startsWith(':')) watcher.comments.push(block);
          const lines = /^id: (.*)\nevent: (.*)\ndata: (.*)$/.exec(block);
          if (lines) watcher.frames.push({ id: lines[1]!, event: lines[2]!, data: JSON.parse(lines[3]!) });
        }
      });
      watchers.push(watcher);
      resolve(watcher);
    });
    call.on('error', reject).end();
  });
}

const receivedIn = ({ frames }: Watcher) =>
  frames.flatMap(({ event, data }) => (event === 'received' ? (data as ReceivedMessage).events : []));
const positionsIn = (watcher: Watcher) => receivedIn(watcher).map(({ position }) => position);
const refusedIn = ({ frames }: Watcher) =>
  frames.flatMap(({ event, data }) => (event === 'refused' ? (data as RefusedMessage).events : []));
const skippedIn = ({ frames }: Watcher) =>
  frames.reduce((sum, { data }) => sum + ((data as Partial<ReceivedMessage>).skippedCount ?? 0), 0);

test('a new watcher sees the status and the newest events, then each as it comes', async () => {
  fake.add({ event: 'before' });
  const watcher = await watch();
  await vi.waitFor(() => expect(positionsIn(watcher)).toEqual([0]));
  expect(watcher.frames[0]).toMatchObject({ event: 'status', data: { counts: { receivedCount: 1 } } });

  fake.add({ event: 'while watched' });
  refused.add({ code: 'invalid_json', receivedAtMs: 2, sizeBytes: 9 });
  await vi.waitFor(() => expect(positionsIn(watcher)).toEqual([0, 1]));
  await vi.waitFor(() => expect(refusedIn(watcher).map(({ code }) => code)).toEqual(['invalid_json']));
});

test.each(['header', 'address'])(
  'a watcher that comes back goes on where it was, told by %s',
  async (how) => {
    fake.add({ event: 'seen' });
    refused.add({ code: 'invalid_json', receivedAtMs: 1, sizeBytes: 9 });
    const first = await watch();
    await vi.waitFor(() => expect(refusedIn(first)).toHaveLength(1));
    await vi.waitFor(() => expect(positionsIn(first)).toEqual([0]));
    first.leave();
    await first.ended;
    const place = first.frames.at(-1)!.id;

    fake.add({ event: 'missed' });
    refused.add({ code: 'duplicate', receivedAtMs: 2, sizeBytes: 9 });
    const second =
      how === 'header'
        ? await watch('/api/stream', { 'last-event-id': place })
        : await watch(`/api/stream?after=${encodeURIComponent(place)}`);
    await vi.waitFor(() => expect(refusedIn(second).map(({ code }) => code)).toEqual(['duplicate']));
    expect(positionsIn(second)).toEqual([1]);
    expect(skippedIn(second)).toBe(0);
  },
);

test('after a restart a watcher misses nothing of the log and sees the refusals of the new run', async () => {
  fake.add({ event: 'seen' });
  refused.add({ code: 'invalid_json', receivedAtMs: 1, sizeBytes: 9 });
  const first = await watch();
  await vi.waitFor(() => expect(positionsIn(first)).toEqual([0]));
  await vi.waitFor(() => expect(refusedIn(first)).toHaveLength(1));
  const place = first.frames.at(-1)!.id;
  await app.close();

  const ring = createRefusedRing({ runId: '2' });
  app = serve(ring);
  await app.listen({ port: 0, host: '127.0.0.1' });
  fake.add({ event: 'after the restart' });
  ring.add({ code: 'duplicate', receivedAtMs: 2, sizeBytes: 9 });
  const second = await watch(`/api/stream?after=${encodeURIComponent(place)}`);
  await vi.waitFor(() => expect(refusedIn(second).map(({ code }) => code)).toEqual(['duplicate']));
  expect(positionsIn(second)).toEqual([1]);
});

test('what comes faster than it is shown is counted: shown and skipped make all', async () => {
  const watcher = await watch();
  await vi.waitFor(() => expect(watcher.frames).toHaveLength(1));
  const count = 3 * MAX_BEHIND_COUNT;
  for (let index = 0; index < count; index++) fake.add({ index });
  await vi.waitFor(() => expect(positionsIn(watcher).at(-1)).toBe(count - 1));
  expect(skippedIn(watcher)).toBeGreaterThan(0);
  expect(positionsIn(watcher).length + skippedIn(watcher)).toBe(count);
});

test('a watcher that does not read costs no more than its buffers, and later learns what it missed', async () => {
  const { port } = app.server.address() as AddressInfo;
  const heavy = 'x'.repeat(30_000);
  let text = '';
  const call = request({ port, host: '127.0.0.1', path: '/api/stream', agent: false });
  const response = await new Promise<import('node:http').IncomingMessage>((resolve) => {
    call.on('response', resolve).end();
  });
  response.pause().setEncoding('utf8');
  // Far more than sockets hold. Each round waits until the stream has read, or is held back.
  let stalledRounds = 0;
  for (let reads = fake.readCount; stalledRounds < 20; reads = fake.readCount) {
    for (let index = 0; index < CHUNK.maxCount; index++) fake.add({ heavy });
    await systemClock.sleep(10);
    stalledRounds = fake.readCount === reads ? stalledRounds + 1 : 0;
  }
  const total = fake.log.durableEnds[0]!;

  response.on('error', () => {}).on('data', (part: string) => (text += part));
  response.resume();
  await vi.waitFor(() => expect(text).toContain(`"position":${total - 1},`), { timeout: 10_000 });
  const skipped = [...text.matchAll(/"skippedCount":(\d+)/g)].reduce(
    (sum, [, count]) => sum + Number(count),
    0,
  );
  const shown = text.split('"kind":"received"').length - 1;
  expect(skipped).toBeGreaterThan(0);
  expect(shown + skipped).toBe(total);
  call.destroy();
});

test('the log is read only while somebody watches', async () => {
  fake.add({ event: 'unseen' });
  expect(fake.readCount).toBe(0);
  const watcher = await watch();
  await vi.waitFor(() => expect(positionsIn(watcher)).toEqual([0]));
  expect(fake.listenerCount).toBe(1);

  watcher.leave();
  await vi.waitFor(() => expect(fake.listenerCount).toBe(0));
});

test('a quiet stream says now and then that it lives', async () => {
  let nowMs = 0;
  await app.close();
  // Each look at this clock is a second later.
  app = serve(refused, { ...quickClock, nowMs: () => (nowMs += 1_000) });
  await app.listen({ port: 0, host: '127.0.0.1' });
  const watcher = await watch();
  await vi.waitFor(() => expect(watcher.comments.length).toBeGreaterThan(0));
});

test('closing the console ends the streams', async () => {
  const watcher = await watch();
  await vi.waitFor(() => expect(watcher.frames).toHaveLength(1));
  await app.close();
  await watcher.ended;
});

test('more watchers than the bound are told to come back', async () => {
  for (let count = 0; count < 32; count++) await watch();
  const { port } = app.server.address() as AddressInfo;
  const reply = await fetch(`http://127.0.0.1:${port}/api/stream`);
  expect(reply.status).toBe(503);
  expect(reply.headers.get('retry-after')).toBe('5');
  expect(await reply.json()).toMatchObject({ code: 'too_many_streams' });
});
