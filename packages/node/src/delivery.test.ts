import { describe, expect, it, vi } from 'vitest';
import { gate } from '../test/scripted-server.ts';
import type { Backlog } from './backlog.ts';
import { Delivery, type DeliveryPorts } from './delivery.ts';
import { analyticsError, type AnalyticsError } from './errors.ts';
import { Journal } from './journal.ts';
import { MemoryBacklog } from './memory-backlog.ts';
import type { Callback, OutgoingEvent } from './outgoing.ts';
import { flushDataOfFence, Settlement, type Fence } from './settlement.ts';
import type { OutgoingRequest, Reply } from './transport/transport.ts';

const OK: Reply = { kind: 'answered', status: 200, statusText: 'OK', retryAfter: undefined };
const BAD: Reply = { ...OK, status: 400, statusText: 'Bad Request' };
const UNAVAILABLE: Reply = { ...OK, status: 503, statusText: 'Service Unavailable' };
const refused = analyticsError('NETWORK_ERROR', 'connect ECONNREFUSED');
const DOWN: Reply = { kind: 'unanswered', error: refused };
const limited = (retryAfter: string, date?: string): Reply => ({
  ...OK,
  status: 429,
  statusText: 'Slow',
  retryAfter,
  date,
});

/** A delivery whose time passes only in its own sleeps, and whose server follows a script. */
function harness(
  replies: (Reply | Promise<Reply>)[] = [],
  bounds = {},
  ports: Partial<Pick<DeliveryPorts, 'backlog' | 'maxConcurrentRequests' | 'postsAtOnce'>> = {},
) {
  let nowMs = 0;
  const bodies: { batch: { n: number }[]; timestamp: string; sentAt: string }[] = [];
  const sleepsMs: number[] = [];
  const errors: AnalyticsError[] = [];
  const settlement = new Settlement({ onSettled: () => undefined, onIdle: () => undefined });
  const delivery = new Delivery({
    settlement,
    journal: new Journal(undefined),
    backlog: new MemoryBacklog(),
    maxConcurrentRequests: 1,
    postsAtOnce: true,
    transport: {
      post: async ({ body }: OutgoingRequest) => {
        bodies.push(JSON.parse(String(body)) as (typeof bodies)[number]);
        return (await replies.shift()) ?? OK;
      },
      close: () => undefined,
    },
    liveness: {
      after: (delayMs, done) => {
        sleepsMs.push(delayMs);
        nowMs += delayMs;
        queueMicrotask(done);
        return () => undefined;
      },
    },
    clock: { nowMs: () => nowMs, monotonicMs: () => nowMs },
    random: () => 1,
    bounds: { retryCount: Infinity, deadlineMs: 60_000, ...bounds },
    request: () => ({ url: 'http://localhost', headers: {}, timeoutMs: 1_000 }),
    onError: (error) => errors.push(error),
    ...ports,
  });
  const flushed = (...events: OutgoingEvent[]): Promise<Fence> => {
    delivery.add(events);
    return new Promise((resolve) => {
      settlement.fence(resolve);
    });
  };
  const sent = (): number[][] => bodies.map(({ batch }) => batch.map(({ n }) => n));
  return { delivery, settlement, bodies, sleepsMs, errors, flushed, sent };
}

function event(n: number, callback?: OutgoingEvent['callback']): OutgoingEvent {
  const json = `{"n":${n}}`;
  return { json, bytes: json.length, callback };
}

describe('Delivery', () => {
  it('posts in the same tick when idle, and gathers the rest while it waits', async () => {
    const { sent, flushed, delivery } = harness();
    const first = flushed(event(1));
    expect(sent()).toEqual([[1]]);
    delivery.add([event(2)]);
    expect(delivery.count).toBe(2);
    await Promise.all([first, flushed(event(3))]);
    expect(sent()).toEqual([[1], [2, 3]]);
    expect([delivery.count, delivery.bytes]).toEqual([0, 0]);
  });

  it('sends together what one piece of code adds, unless it posts at once', async () => {
    const { sent, flushed, delivery } = harness([], {}, { postsAtOnce: false });
    delivery.add([event(1)]);
    delivery.add([event(2)]);
    expect(sent()).toEqual([]);
    await new Promise(setImmediate);
    expect(sent()).toEqual([[1, 2]]);
    await flushed(event(3));
    delivery.add([event(4)]);
    delivery.startNow();
    expect(sent()).toEqual([[1, 2], [3], [4]]);
  });

  it('retries with growing waits until the deadline, and stamps each attempt', async () => {
    const { bodies, flushed, sleepsMs, errors } = harness([DOWN, UNAVAILABLE, DOWN]);
    const fence = await flushed(event(1));
    expect(sleepsMs).toEqual([100, 200, 400]);
    expect(bodies.map(({ sentAt }) => Date.parse(sentAt))).toEqual([0, 100, 300, 700]);
    expect(new Set(bodies.map(({ timestamp }) => Date.parse(timestamp)))).toEqual(new Set([0]));
    expect([fence.error, fence.sentCount, errors]).toEqual([undefined, 1, []]);
    expect(flushDataOfFence(fence)).toEqual({
      batch: [{ n: 1 }],
      timestamp: new Date(0),
      sentAt: new Date(700),
    });
  });

  it('gives up at the deadline', async () => {
    const { flushed, sleepsMs, errors } = harness(Array.from({ length: 50 }, () => DOWN));
    const fence = await flushed(event(1));
    expect(sleepsMs.reduce((sum, ms) => sum + ms, 0)).toBe(60_000);
    expect(fence.error).toBe(refused);
    expect(errors).toEqual([refused]);
  });

  it('gives up after retryCount retries', async () => {
    const { flushed, bodies } = harness(
      Array.from({ length: 9 }, () => UNAVAILABLE),
      { retryCount: 2 },
    );
    expect((await flushed(event(1))).error).toMatchObject({
      message: 'Service Unavailable',
      code: 'HTTP_503',
      response: { status: 503, statusText: 'Service Unavailable' },
    });
    expect(bodies).toHaveLength(3);
  });

  it('fails a refused batch at once, and sends the later ones', async () => {
    const { flushed, sent, sleepsMs } = harness([BAD]);
    const first = flushed(event(1));
    const fence = await flushed(event(2));
    expect(sent()).toEqual([[1], [2]]);
    expect(sleepsMs).toEqual([]);
    expect((await first).error?.message).toBe('Bad Request');
    expect([fence.error?.message, fence.sentCount]).toEqual(['Bad Request', 1]);
  });

  it('waits for a Retry-After', async () => {
    const { flushed, sleepsMs } = harness([limited('7')]);
    expect((await flushed(event(1))).error).toBeUndefined();
    expect(sleepsMs).toEqual([7_000]);
  });

  it('counts to the date of a Retry-After by the clock of the server, since ours may be wrong', async () => {
    const { flushed, sleepsMs } = harness([
      limited('Wed, 25 Nov 2026 10:00:07 GMT', 'Wed, 25 Nov 2026 10:00:00 GMT'),
    ]);
    expect((await flushed(event(1))).error).toBeUndefined();
    expect(sleepsMs).toEqual([7_000]);
  });

  it('fails the batch that a Retry-After keeps past its deadline, and holds the next ones back', async () => {
    const { flushed, sleepsMs, sent } = harness([limited('120')]);
    const first = flushed(event(1));
    const fence = await flushed(event(2));
    expect((await first).error?.message).toBe('Slow');
    expect(sleepsMs).toEqual([120_000]);
    expect(sent()).toEqual([[1], [2]]);
    expect(fence.sentCount).toBe(1);
  });

  it('has callbacks run before the flush is over', async () => {
    const { flushed } = harness();
    const called = vi.fn<Callback>();
    await flushed(event(1), event(2, called));
    expect(called).toHaveBeenCalledTimes(1);
    expect(called.mock.calls[0]?.[1]).toMatchObject({ batch: [{ n: 1 }, { n: 2 }] });
  });

  it('drops the oldest of those that wait, never what is in flight', async () => {
    const { delivery, flushed, sent } = harness();
    const full = analyticsError('QUEUE_FULL', 'full');
    const calls: [number, string | undefined][] = [];
    const noted = (n: number): OutgoingEvent => event(n, (error) => calls.push([n, error?.code]));
    const flush = flushed(...[1].map(noted));
    const later = flushed(...[2, 3, 4].map(noted));
    expect([delivery.dropOldest(full), delivery.dropOldest(full)]).toEqual([true, true]);
    expect([delivery.count, delivery.bytes]).toEqual([2, 2 * event(1).bytes]);
    const fence = await later;
    expect(sent()).toEqual([[1], [4]]);
    expect(calls).toEqual(
      expect.arrayContaining([
        [1, undefined],
        [2, 'QUEUE_FULL'],
        [3, 'QUEUE_FULL'],
        [4, undefined],
      ]),
    );
    expect([fence.error, fence.sentCount, (await flush).error]).toEqual([full, 2, undefined]);
    expect(delivery.dropOldest(full)).toBe(false);
  });

  it('gives a flush only what it covers, though a batch may hold more', async () => {
    const { opened, open } = gate();
    const { flushed, sent } = harness([opened.then(() => OK)]);
    const flushes = [flushed(event(1)), flushed(event(2)), flushed(event(3))];
    open();
    const batches = (await Promise.all(flushes)).map((fence) => flushDataOfFence(fence)!.batch);
    expect(sent()).toEqual([[1], [2, 3]]);
    expect(batches).toEqual([[{ n: 1 }], [{ n: 1 }, { n: 2 }], [{ n: 1 }, { n: 2 }, { n: 3 }]]);
  });

  it('does not keep what is dropped for the flushes that wait', async () => {
    const { delivery, settlement, flushed } = harness([new Promise<Reply>(() => undefined)]);
    void flushed(event(1));
    delivery.add([event(2), event(3)]);
    const fence = settlement.fence(() => undefined);
    for (let count = 0; count < 2; count += 1) {
      delivery.dropOldest(analyticsError('QUEUE_FULL', 'full'));
      await new Promise(setImmediate);
    }
    expect(fence).toMatchObject({
      settled: [],
      remainingCount: 1,
      sentCount: 0,
      error: { code: 'QUEUE_FULL' },
    });
  });

  it('makes as many requests at once as it may, and counts rightly in whatever order they end', async () => {
    const gates = [gate(), gate(), gate()];
    const replies = gates.map(({ opened }, at) => opened.then(() => (at === 1 ? BAD : OK)));
    const { delivery, flushed, sent, errors } = harness(replies, {}, { maxConcurrentRequests: 3 });
    const called: number[] = [];
    const noted = (n: number): OutgoingEvent => event(n, () => called.push(n));
    const first = flushed(noted(1));
    const second = flushed(noted(2));
    const third = flushed(noted(3));
    const fourth = flushed(noted(4));
    expect(sent()).toEqual([[1], [2], [3]]);
    expect(delivery.count).toBe(4);
    gates[2]!.open();
    await vi.waitFor(() => expect(called).toEqual([3, 4]));
    gates[1]!.open();
    await vi.waitFor(() => expect(called).toEqual([3, 4, 2]));
    gates[0]!.open();
    expect(await first).toMatchObject({ error: undefined, sentCount: 1 });
    expect(await second).toMatchObject({ error: { code: 'HTTP_400' }, sentCount: 1 });
    expect(await third).toMatchObject({ error: { code: 'HTTP_400' }, sentCount: 2 });
    expect(flushDataOfFence(await fourth)!.batch).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }, { n: 4 }]);
    expect([called, errors.length, delivery.count, delivery.bytes]).toEqual([[3, 4, 2, 1], 1, 0, 0]);
  });

  it('has every request wait for what one of them was asked to', async () => {
    const { opened, open } = gate();
    const replies = [limited('7'), opened.then(() => UNAVAILABLE)];
    const { flushed, sleepsMs, bodies } = harness(replies, {}, { maxConcurrentRequests: 2 });
    const first = flushed(event(1));
    const second = flushed(event(2));
    await first;
    open();
    await second;
    expect(sleepsMs).toEqual([7_000, 100]);
    expect(bodies.map(({ sentAt }) => Date.parse(sentAt))).toEqual([0, 0, 7_000, 7_100]);
  });

  it('tells each event of a batch what the server said of it, and reports a refusal once', async () => {
    const verdicts = [
      { index: 1, code: 'no_user_anon_id' },
      { index: 2, code: 'something_new' },
      { index: 9, code: 'beyond_the_batch' },
    ];
    const { flushed, errors } = harness([{ ...OK, verdicts }]);
    const calls: (string | undefined)[][] = [];
    const noted = (n: number): OutgoingEvent =>
      event(n, (error) => calls.push([String(n), error?.code, error?.message]));
    const fence = await flushed(noted(1), noted(2), noted(3), noted(4));
    expect(calls).toEqual([
      ['1', undefined, undefined],
      ['2', 'no_user_anon_id', 'the event has neither a userId nor an anonymousId'],
      ['3', 'something_new', 'the server says something_new'],
      ['4', undefined, undefined],
    ]);
    expect(errors).toEqual([fence.error]);
    expect([fence.error?.code, fence.sentCount]).toEqual(['no_user_anon_id', 2]);
    expect(fence.error?.message).toMatch(/^the server refused 2 of 4 events/);
    expect(flushDataOfFence(fence)!.batch).toHaveLength(4);
  });

  it('fails only the flushes that cover a refused event', async () => {
    const { opened, open } = gate();
    const { flushed } = harness([opened.then(() => OK), { ...OK, verdicts: [{ index: 1, code: 'x' }] }]);
    const flushes = [flushed(event(1)), flushed(event(2)), flushed(event(3))];
    open();
    const [, second, third] = await Promise.all(flushes);
    expect([second!.error, second!.sentCount]).toEqual([undefined, 2]);
    expect([third!.error?.code, third!.sentCount]).toEqual(['x', 2]);
  });

  it('takes a duplicate for delivered: the answer to an earlier attempt was lost', async () => {
    const { flushed, errors } = harness([DOWN, { ...OK, verdicts: [{ index: 0, code: 'duplicate' }] }]);
    const fence = await flushed(event(1));
    expect([fence.error, fence.sentCount, errors]).toEqual([undefined, 1, []]);
  });

  it('tells the backlog what became of each batch, and waits for one that is read first', async () => {
    const memory = new MemoryBacklog();
    const told: [number, number, string | undefined][] = [];
    const backlog: Backlog = {
      get count() {
        return memory.count;
      },
      get bytes() {
        return memory.bytes;
      },
      add: (events) => memory.add(events),
      cut: () => Promise.resolve(memory.cut()),
      dropOldest: () => memory.dropOldest(),
      settled: ({ from, events }, { error }) => {
        told.push([from, events.length, error?.code]);
        return undefined;
      },
    };
    const { flushed, sent } = harness([OK, BAD], {}, { backlog });
    await flushed(event(1), event(2));
    await flushed(event(3));
    expect(sent()).toEqual([[1, 2], [3]]);
    expect(told).toEqual([
      [0, 2, undefined],
      [2, 1, 'HTTP_400'],
    ]);
  });
});
