import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../packages/server/src/clock.ts';
import { webhookSettings } from '../packages/server/src/destinations/webhook/settings.ts';
import { createWebhook } from '../packages/server/src/destinations/webhook/webhook.ts';
import type { Delivery } from '../packages/server/src/router/delivery.ts';
import { rig, trackEvent, type ManualClock, type Rig } from '../packages/server/src/router/test-rig.ts';
import { startVendor, type Step, type Vendor } from './harness/vendor.ts';

/** The router's time; sockets and the webhook's time-out keep to ours. Five minutes take a second and a half. */
const TIMES_FASTER = 200;
const EVENT_COUNT = 40;

function fastClock(): ManualClock {
  const startMs = Date.now();
  const zeroMs = performance.now();
  return {
    nowMs: () => startMs + (performance.now() - zeroMs) * TIMES_FASTER,
    random: () => Math.random(),
    sleep: (delayMs, signal) => systemClock.sleep(Math.min(delayMs / TIMES_FASTER, 2 ** 31 - 1), signal),
    advanceTo: () => {},
    nextWakeMs: () => undefined,
  };
}

let vendor: Vendor;
let world: Rig;
let delivery: Delivery | undefined;

beforeEach(async () => {
  vendor = await startVendor();
  world = rig(fastClock());
});
afterEach(async () => {
  await delivery?.stop();
  await vendor.close();
});

/** The real webhook, over real HTTP, to a vendor that keeps to the plan until all is decided. */
async function deliverAll(batchCount?: number): Promise<void> {
  const settings = webhookSettings().parse({
    url: `${vendor.url}/in`,
    timeoutMs: 150,
    ...(batchCount !== undefined && { batch: { maxCount: batchCount } }),
  });
  await world.append(
    ...Array.from({ length: EVENT_COUNT }, (_, i) => trackEvent(`m${i}`, { userId: `user-${i % 7}` })),
  );
  delivery = world.start(createWebhook(settings, { clock: world.clock }));
  await until(() => world.decided().size === EVENT_COUNT);
}

async function until(isSo: () => boolean): Promise<void> {
  const endMs = performance.now() + 20_000;
  while (!isSo()) {
    if (performance.now() > endMs) throw new Error('waited 20 s in vain');
    await systemClock.sleep(5);
  }
}

const takenIds = (): string[] => vendor.taken.map(({ event }) => event['messageId'] as string);
const allIds = Array.from({ length: EVENT_COUNT }, (_, i) => `m${i}`);

/** A plan by the number of the request, from 0 on. */
function planByCount(step: (n: number) => Step): void {
  let n = 0;
  vendor.plan(() => step(n++));
}

/** What the vendor took last of each person, in the order in which it did: ours, but for those that are counted. */
function expectOrder(): void {
  const lastAt = new Map(takenIds().map((messageId, at) => [messageId, at]));
  const reordered = world.ledger.settlements
    .flatMap(({ decisions }) => decisions)
    .filter((decision) => decision.reordered);
  const ahead = allIds.filter((messageId, i) =>
    allIds.some((earlier, e) => e < i && e % 7 === i % 7 && lastAt.get(earlier)! > lastAt.get(messageId)!),
  );
  expect(ahead.length).toBeLessThanOrEqual(reordered.length);
}

describe.each([
  ['an event a request', undefined],
  ['batches of ten', 10],
])('a vendor that, with %s,', (_, batchCount) => {
  it.each<[string, (n: number) => Step]>([
    ['answers 500 thirty times in a row', (n) => (n < 30 ? { status: 500 } : 'accept')],
    [
      'answers 429 every other time, with seconds',
      (n) => (n % 2 === 0 ? { status: 429, retryAfter: '2' } : 'accept'),
    ],
    [
      'answers 503 every third time, with a date',
      (n) =>
        n % 3 === 0
          ? { status: 503, retryAfter: new Date(world.clock.nowMs() + 3_000).toUTCString() }
          : 'accept',
    ],
    ['breaks every other connection', (n) => (n % 2 === 0 ? 'reset' : 'accept')],
  ])('%s gets each event once, in order', async (_name, step) => {
    planByCount(step);
    await deliverAll(batchCount);
    expect(takenIds().toSorted()).toEqual(allIds.toSorted());
    expect([...world.decided().values()]).toEqual(allIds.map(() => ['delivered']));
    expectOrder();
  });

  it.each<[string, Step]>([
    ['takes every third request and breaks the connection', 'acceptAndReset'],
    ['sends half of every third answer', 'halfAnswer'],
    ['answers every third request after the time-out', { acceptAfterMs: 400 }],
    ['never answers every third request', 'never'],
  ])('%s gets each event, and again only what it had not answered', async (_name, step) => {
    planByCount((n) => (n % 3 === 0 ? step : 'accept'));
    await deliverAll(batchCount);
    expect(new Set(takenIds())).toEqual(new Set(allIds));
    const answeredIds = vendor.taken
      .filter(({ answeredAtMs }) => answeredAtMs !== undefined)
      .map(({ event }) => event['messageId']);
    expect(new Set(answeredIds).size).toBe(answeredIds.length);
    expectOrder();
  });

  it('takes no request with a poisoned event in it loses only those', async () => {
    const poisoned = new Set(['m3', 'm4', 'm27']);
    vendor.plan(({ events }) =>
      events.some((event) => poisoned.has(String(event['messageId']))) ? { status: 400 } : 'accept',
    );
    await deliverAll(batchCount);
    for (const messageId of allIds)
      expect(world.decided().get(messageId)).toEqual([
        poisoned.has(messageId) ? 'dead:HTTP_400' : 'delivered',
      ]);
    expect(takenIds().toSorted()).toEqual(allIds.filter((id) => !poisoned.has(id)).toSorted());
  });

  it('revokes the credentials and restores them is asked with one event every five minutes, and loses nothing', async () => {
    const sizes: number[] = [];
    let isRevoked = true;
    vendor.plan(({ events }) => {
      if (!isRevoked) return 'accept';
      sizes.push(events.length);
      return { status: 401 };
    });
    const done = deliverAll(batchCount);
    await until(() => world.states.length > 0);
    await systemClock.sleep(50);
    const beforeProbes = sizes.length;
    await until(() => sizes.length === beforeProbes + 2);
    isRevoked = false;
    await done;
    expect(sizes.slice(beforeProbes)).toEqual([1, 1]);
    expect(world.states.at(-1)).toEqual({ kind: 'running' });
    expect(takenIds().toSorted()).toEqual(allIds.toSorted());
    expect(world.ledger.settlements.flatMap(({ dead }) => dead)).toEqual([]);
  });
});
