import { describe, expect, it } from 'vitest';
import type { DeliveryEvent, Exchange, Outcome } from '../destinations/destination.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { LogReadError, type LogReader } from '../log/log.ts';
import type { Delivery } from './delivery.ts';
import { Pace, REVIVE_MAX_COUNT } from './pace.ts';
import { destinationOf, rig, runUntil, settled, trackEvent, type Deliver, type Rig } from './test-rig.ts';

const DELIVERED: Outcome = { kind: 'delivered' };
const REJECTED: Outcome = { kind: 'rejected', code: 'HTTP_400' };
const all = (events: readonly DeliveryEvent[], outcome: Outcome): { outcomes: Outcome[] } => ({
  outcomes: events.map(() => outcome),
});
const rejecting: Deliver = async (events) => all(events, REJECTED);
const ids = (events: readonly DeliveryEvent[]): string[] => events.map(({ event }) => event.messageId);

/** Events that a destination has rejected, and what it is given from then on. */
async function buried(count: number): Promise<
  Rig & {
    answer: (deliver: Deliver) => void;
    /** Each time a fresh router, which finds what the one before has left. */
    restart: (
      overrides?: Partial<Parameters<Rig['start']>[1]>,
      wrap?: (ledger: Ledger) => Ledger,
    ) => { delivery: Delivery; ask: () => void };
    deadCount: () => number;
  }
> {
  const made = rig();
  let deliver = rejecting;
  const destination = destinationOf((events, context) => deliver(events, context));
  await made.append(...Array.from({ length: count }, (_, i) => trackEvent(`m${i}`)));
  made.start(destination);
  await runUntil(made.clock, () => made.decided().size === count);
  return {
    ...made,
    answer: (next) => (deliver = next),
    restart(overrides, wrap = (ledger) => ledger) {
      const ledger = wrap(made.ledger.open());
      const delivery = made.start(destination, { ledger, ...overrides });
      return {
        delivery,
        ask: () => {
          ledger.changeDead('retry', { filter: {} });
          delivery.notifyAsked();
        },
      };
    },
    deadCount: () => made.ledger.reader().deadLetters({}, { maxCount: 100 }).letters.length,
  };
}

describe('dead letters', () => {
  it('wait for space on the disk of the ledger, and end nobody', async () => {
    const { clock, answer, restart, deadCount, ledgerErrors } = await buried(1);
    answer(async (events) => all(events, DELIVERED));
    let isFull = true;
    const { ask } = restart({}, (ledger) => ({
      ...ledger,
      revive(...given) {
        if (isFull) throw Object.assign(new Error('full'), { code: 'SQLITE_FULL' });
        return ledger.revive(...given);
      },
    }));
    ask();
    const startMs = clock.nowMs();
    await runUntil(clock, () => clock.nowMs() - startMs > 60_000);
    expect(deadCount()).toBe(1);
    isFull = false;
    await runUntil(clock, () => deadCount() === 0);
    expect(ledgerErrors).toEqual([]);
  });

  it('are tried again when asked for, as the bytes that they were, with attempts of their own', async () => {
    const { clock, answer, restart, decided, ledger } = await buried(1);
    const given: DeliveryEvent[] = [];
    answer(async (events) => {
      given.push(...events);
      return all(events, given.length === 1 ? { kind: 'retry', code: 'HTTP_503' } : DELIVERED);
    });
    const { ask } = restart();
    await settled();
    expect(given).toEqual([]);
    ask();
    await runUntil(clock, () => decided().get('m0')?.length === 2);
    expect(decided().get('m0')).toEqual(['dead:HTTP_400', 'delivered']);
    const event = trackEvent('m0');
    const said = { event, json: Buffer.from(JSON.stringify(event)) };
    expect(given).toEqual([said, said]);
    const retried = ledger.settlements.flatMap(({ pending }) => pending).at(-1);
    expect(retried).toMatchObject({ attemptCount: 1, code: 'HTTP_503' });
    expect(ledger.reader().totals()).toMatchObject([{ deliveredCount: 1, dead: {}, pendingCount: 0 }]);
  });

  it('go back at ten a second, the earliest positions first', async () => {
    const { clock, answer, restart, decided } = await buried(25);
    const requests: { atMs: number; given: string[] }[] = [];
    const { ask } = restart();
    await settled();
    const startMs = clock.nowMs();
    answer(async (events) => {
      requests.push({ atMs: clock.nowMs() - startMs, given: ids(events) });
      return all(events, DELIVERED);
    });
    ask();
    await runUntil(clock, () => [...decided().values()].every((words) => words.length === 2));
    expect(requests.map(({ atMs, given }) => [atMs, given.length])).toEqual([
      [0, 10],
      [1_000, 10],
      [2_000, 5],
    ]);
    expect(requests.flatMap(({ given }) => given)).toEqual(Array.from({ length: 25 }, (_, i) => `m${i}`));
  });

  it('share the pace of their destination with its other partitions', () => {
    const pace = new Pace();
    expect(pace.left(5_000)).toBe(REVIVE_MAX_COUNT);
    pace.spend(7, 5_000);
    expect(pace.left(5_999)).toBe(3);
    pace.spend(3, 5_999);
    expect([pace.left(5_999), pace.nextRoundAtMs, pace.left(6_000)]).toEqual([0, 6_000, REVIVE_MAX_COUNT]);
    expect(pace.left(4_000)).toBe(REVIVE_MAX_COUNT);
  });

  it('go on after a crash at any moment, and none is lost or tried twice', async () => {
    const { clock, answer, restart, decided, deadCount, pending } = await buried(25);
    answer(async (events) => all(events, DELIVERED));
    restart().ask();
    await runUntil(clock, () => deadCount() === 15);
    answer(() => new Promise(() => undefined));
    // Ten more are pending and in flight when it dies.
    await runUntil(clock, () => deadCount() === 5);
    expect(pending()).toHaveLength(10);
    answer(async (events) => all(events, DELIVERED));
    restart();
    await runUntil(clock, () => [...decided().values()].every((words) => words.length === 2));
    expect([...decided().values()]).toEqual(Array.from({ length: 25 }, () => ['dead:HTTP_400', 'delivered']));
    expect(deadCount()).toBe(0);
  });

  it('are delivered from their copies, however far the log is trimmed', async () => {
    const { clock, answer, restart, decided, log, pending } = await buried(2);
    answer(() => new Promise(() => undefined));
    restart().ask();
    await runUntil(clock, () => pending().length === 2);
    answer(async (events) => all(events, DELIVERED));
    const inner = log.openReader();
    inner.setDurableEnds(log.log.durableEnds);
    const reader: LogReader = {
      ...inner,
      async read(partition, from, limit) {
        if (from < 2) throw new LogReadError('damaged', 'trimmed');
        return inner.read(partition, from, limit);
      },
    };
    restart({ reader });
    await runUntil(clock, () => decided().get('m1')?.length === 2);
    expect(decided().get('m0')).toEqual(['dead:HTTP_400', 'delivered']);
  });

  it('hold nobody back, and nobody holds them back: they have lost their place', async () => {
    const { clock, answer, append, restart, decided } = await buried(1);
    const given: string[][] = [];
    answer(async (events) => {
      given.push(ids(events));
      const outcomes = events.map(({ event }): Outcome => {
        const fails = event.messageId === 'm0' && given.length < 3;
        return fails ? { kind: 'retry', code: 'HTTP_503', afterMs: 60_000 } : DELIVERED;
      });
      return { outcomes };
    });
    const { ask } = restart();
    ask();
    await runUntil(clock, () => given.length === 1);
    await append(trackEvent('later', { userId: 'm0' }), trackEvent('last', { userId: 'm0' }));
    await runUntil(clock, () => decided().get('m0')?.length === 2);
    expect(given).toEqual([['m0'], ['later', 'last'], ['m0']]);
  });

  it('go back only as far as the lane has room', async () => {
    const { clock, answer, restart, pending, deadCount } = await buried(5);
    answer(async (events) => all(events, { kind: 'retry', code: 'HTTP_503', afterMs: 60_000 }));
    const { ask } = restart({ laneLimits: { maxCount: 2, maxBytes: 1_000_000 } });
    ask();
    await runUntil(clock, () => pending().length === 2);
    clock.advanceTo(clock.nowMs() + 5_000);
    await settled();
    expect([pending().length, deadCount()]).toEqual([2, 3]);
    answer(async (events) => all(events, DELIVERED));
    await runUntil(clock, () => deadCount() === 0 && pending().length === 0);
  });

  it('stay where the destination refuses our credentials, and go back after a restart', async () => {
    const { clock, answer, append, restart, decided, deadCount, states } = await buried(2);
    answer(async (events) => all(events, { kind: 'unauthorized', code: 'HTTP_401' }));
    const { ask } = restart();
    await append(trackEvent('new'));
    await runUntil(clock, () => states.at(-1)?.kind === 'unauthorized');
    ask();
    await settled();
    expect(deadCount()).toBe(2);
    answer(async (events) => all(events, DELIVERED));
    restart();
    await runUntil(clock, () => decided().size === 3 && decided().get('m1')?.length === 2);
  });

  it('keep what was sent and answered, if it is within its bound', async () => {
    const { append, start, clock, decided, ledger } = rig();
    const exchange: Exchange = { request: { method: 'POST', url: 'http://x/', headers: {}, bodyBytes: 2 } };
    const large = { ...exchange, answer: { status: 400, body: 'x'.repeat(5_000), isCut: false } };
    const exchanges: Record<string, Exchange> = { a: exchange, b: large };
    await append(trackEvent('a', { type: 'page', name: 'Home' }), trackEvent('b'));
    start(
      destinationOf(async (events) => ({
        outcomes: ids(events).map((id) => ({ ...REJECTED, exchange: exchanges[id]! })),
      })),
    );
    await runUntil(clock, () => decided().size === 2);
    const place = { destinationId: 'test', partition: 0 };
    const [a, b] = [0, 1].map((position) => ledger.reader().deadLetter({ ...place, position }));
    expect(a).toMatchObject({ eventName: 'Home', exchange });
    expect(b).toMatchObject({ eventName: 'Test' });
    expect(b).not.toHaveProperty('exchange');
  });

  it('keep the last exchange when the retries are exhausted', async () => {
    const { append, start, clock, decided, ledger } = rig();
    const exchange: Exchange = { request: { method: 'PUT', url: 'http://x/', headers: {}, bodyBytes: 2 } };
    await append(trackEvent('a'));
    start(destinationOf(async (events) => all(events, { kind: 'retry', code: 'HTTP_503', exchange })));
    await runUntil(clock, () => decided().size === 1);
    expect(ledger.reader().deadLetter({ destinationId: 'test', partition: 0, position: 0 })).toMatchObject({
      code: 'RETRIES_EXHAUSTED',
      exchange,
    });
  });
});
