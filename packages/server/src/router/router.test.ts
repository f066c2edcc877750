import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import type { DestinationConfig, StartPosition } from '../destinations/destination.ts';
import { memoryLedger } from '../ledger/memory.ts';
import { memoryLog } from '../log/memory-log.ts';
import type { DestinationStatus } from './ipc.ts';
import { openRouter, type Router, type RouterOptions } from './router.ts';
import { destinationOf, manualClock, settled, trackEvent, type Deliver } from './test-rig.ts';

interface Setup {
  options: RouterOptions;
  statuses: DestinationStatus[][];
  ledgerErrors: unknown[];
  append(messageId: string, sourceId?: string, receivedAtMs?: number): Promise<void>;
  /** What each destination was given. */
  delivered: Record<string, string[]>;
}

function setup(
  configs: DestinationConfig[],
  delivers: Record<string, Deliver> = {},
  partitionCount = 1,
): Setup {
  const log = memoryLog({ partitionCount });
  const statuses: DestinationStatus[][] = [];
  const ledgerErrors: unknown[] = [];
  const delivered: Record<string, string[]> = {};
  const options: RouterOptions = {
    configs,
    createDestination: async ({ id }) =>
      destinationOf(async (events, context) => {
        const deliver = delivers[id];
        if (deliver) return deliver(events, context);
        (delivered[id] ??= []).push(...events.map(({ event }) => event.messageId));
        return { outcomes: events.map(() => ({ kind: 'delivered' })) };
      }),
    ledger: memoryLedger().open(),
    openReader: async () => log.openReader(),
    get durableEnds() {
      return log.log.durableEnds;
    },
    clock: manualClock(),
    logger: pino({ level: 'silent' }),
    onStatus: (status) => statuses.push(status),
    onLedgerError: (error) => ledgerErrors.push(error),
  };
  return {
    options,
    statuses,
    ledgerErrors,
    delivered,
    async append(messageId, sourceId = 'source', receivedAtMs = 0) {
      const json = Buffer.from(JSON.stringify(trackEvent(messageId)));
      await log.log.append([{ sourceId, messageId, receivedAtMs, flags: 0, json }]);
    },
  };
}

async function delivering(router: Router, { options }: Setup): Promise<void> {
  router.setDurableEnds(options.durableEnds);
  await settled();
}

const config = (id: string, enabled = true): DestinationConfig => ({
  kind: 'test',
  id,
  enabled,
  settings: {},
});

const rejecting: Deliver = async (events) => ({
  outcomes: events.map(() => ({ kind: 'rejected', code: 'HTTP_400' })),
});

const startingAt = (start: StartPosition): DestinationConfig[] => [
  config('now'),
  { ...config('all'), start: 'earliest' },
  { ...config('later'), start },
];

describe('the router', () => {
  it('has a new destination begin where its config says, and one that has begun go on', async () => {
    const ledger = memoryLedger().open();
    const world = setup(startingAt(1));
    await world.append('a', 'source', 0);
    await world.append('b', 'source', 1);
    const first = await openRouter({ ...world.options, ledger, durableEnds: world.options.durableEnds });
    await delivering(first, world);
    expect(world.delivered).toEqual({ all: ['a', 'b'], later: ['b'] });
    await first.stop();
    const again = setup(startingAt('earliest'));
    const { durableEnds } = world.options;
    const second = await openRouter({
      ...again.options,
      durableEnds,
      openReader: world.options.openReader,
      ledger,
    });
    await world.append('c', 'source', 2);
    await delivering(second, world);
    expect(again.delivered).toEqual({ now: ['c'], all: ['c'], later: ['c'] });
    await second.stop();
  });

  it('gives each destination what its own filters and transform leave, and no other sees it', async () => {
    const events: Record<string, unknown[]> = {};
    const keep =
      (id: string): Deliver =>
      async (given) => {
        (events[id] ??= []).push(
          ...given.map(({ event, json }) => [event.event, event, JSON.parse(json.toString())]),
        );
        return { outcomes: given.map(() => ({ kind: 'delivered' })) };
      };
    const world = setup(
      [
        {
          ...config('changed'),
          filters: [{ action: 'drop', when: { fql: 'messageId = "b"' } }],
          transform: (event) => Object.assign(event, { event: 'Changed', traits: { a: 1 } }),
        },
        config('plain'),
        { ...config('young'), maxEventAgeMs: 1_000 },
      ],
      { changed: keep('changed'), plain: keep('plain'), young: keep('young') },
    );
    const router = await openRouter({ ...world.options, durableEnds: world.options.durableEnds });
    await world.append('a');
    await world.append('b');
    await delivering(router, world);
    const changed = { ...trackEvent('a'), event: 'Changed', traits: { a: 1 } };
    expect(events).toEqual({
      changed: [['Changed', changed, changed]],
      plain: [
        ['Test', trackEvent('a'), trackEvent('a')],
        ['Test', trackEvent('b'), trackEvent('b')],
      ],
      young: [
        ['Test', trackEvent('a'), trackEvent('a')],
        ['Test', trackEvent('b'), trackEvent('b')],
      ],
    });
    await router.stop();
  });

  it('has the first cursor of a destination synced: power loss must not move it to a later end', async () => {
    const store = memoryLedger();
    const world = setup([config('new')]);
    await world.append('before');
    const { durableEnds } = world.options;
    const router = await openRouter({ ...world.options, durableEnds, ledger: store.open() });
    expect(store.settlements).toMatchObject([{ destinationId: 'new', cursor: 1, synced: true }]);
    await router.stop();
  });

  it('starts a new destination at the end, with that cursor in the ledger when it is open', async () => {
    const world = setup([config('new')]);
    await world.append('before');
    const router = await openRouter(world.options);
    expect(world.options.ledger.load('new', 0).cursor).toBe(1);
    await world.append('after');
    await delivering(router, world);
    expect(world.delivered).toEqual({ new: ['after'] });
  });

  it('goes on where a known destination stood', async () => {
    const world = setup([config('known')]);
    const nothing = { decisions: [], pending: [], dead: [] };
    world.options.ledger.commit({ destinationId: 'known', partition: 0, cursor: 0, ...nothing });
    await world.append('missed');
    const router = await openRouter(world.options);
    await delivering(router, world);
    expect(world.delivered).toEqual({ known: ['missed'] });
  });

  it('leaves a disabled destination alone', async () => {
    const world = setup([config('off', false)]);
    const router = await openRouter(world.options);
    await world.append('a');
    await delivering(router, world);
    expect(world.delivered).toEqual({});
    expect(router.status()).toEqual([]);
    expect(world.options.ledger.load('off', 0).cursor).toBeUndefined();
  });

  it('delivers from every partition', async () => {
    const world = setup([config('all')], {}, 3);
    const router = await openRouter(world.options);
    for (const sourceId of ['a', 'b', 'c', 'd', 'e']) await world.append(`of-${sourceId}`, sourceId);
    await delivering(router, world);
    expect(world.delivered['all']?.toSorted()).toEqual(['of-a', 'of-b', 'of-c', 'of-d', 'of-e']);
  });

  it('keeps delivering to one destination while another refuses or hangs', async () => {
    const world = setup([config('refusing'), config('hanging'), config('sound')], {
      refusing: async (events) => ({
        outcomes: events.map(() => ({ kind: 'unauthorized', code: 'HTTP_401' })),
      }),
      hanging: () => new Promise(() => {}),
    });
    const router = await openRouter(world.options);
    await world.append('a');
    await delivering(router, world);
    await world.append('b');
    await delivering(router, world);
    expect(world.delivered).toEqual({ sound: ['a', 'b'] });
    expect(world.statuses.at(-1)).toEqual(router.status());
    expect(router.status()).toEqual([
      {
        destinationId: 'refusing',
        state: 'unauthorized',
        reason: 'HTTP_401',
        sinceMs: world.options.clock.nowMs(),
        nextProbeMs: world.options.clock.nowMs() + 300_000,
      },
      { destinationId: 'hanging', state: 'running' },
      { destinationId: 'sound', state: 'running' },
    ]);
  });

  it('stops all of them, once, when the ledger cannot be written', async () => {
    const world = setup([config('one'), config('two')]);
    let isFull = false;
    const { ledger } = world.options;
    const router = await openRouter({
      ...world.options,
      ledger: {
        ...ledger,
        commit: (settlement) => {
          if (isFull) throw new Error('disk is full');
          ledger.commit(settlement);
        },
      },
    });
    isFull = true;
    await world.append('a');
    await delivering(router, world);
    isFull = false;
    await world.append('b');
    await delivering(router, world);
    expect(world.ledgerErrors).toHaveLength(1);
    for (const messageIds of Object.values(world.delivered)) expect(messageIds).toEqual(['a']);
  });

  it('says how far the log may be trimmed, and makes those lose what they need only where told', async () => {
    const world = setup([config('stuck'), config('sound'), config('off', false)], {
      stuck: async (events) => ({ outcomes: events.map(() => ({ kind: 'unauthorized', code: 'HTTP_401' })) }),
    });
    const router = await openRouter(world.options);
    for (const id of ['a', 'b', 'c']) await world.append(id);
    await delivering(router, world);
    expect(router.needs()).toEqual({ stuck: { 0: 0 }, sound: { 0: 3 } });
    await expect(router.release(0, 2, false)).resolves.toBe(0);
    await expect(router.release(0, 2, true)).resolves.toBe(2);
    expect(router.needs()).toEqual({ stuck: { 0: 2 }, sound: { 0: 3 } });
    await router.stop();
  });

  it('gives up at its start what was trimmed while a destination was away', async () => {
    const world = setup([config('back')]);
    const nothing = { decisions: [], pending: [], dead: [] };
    world.options.ledger.commit({ destinationId: 'back', partition: 0, cursor: 0, ...nothing });
    for (const id of ['a', 'b', 'c']) await world.append(id);
    const { durableEnds } = world.options;
    const router = await openRouter({ ...world.options, durableEnds, starts: { 0: 2 } });
    await delivering(router, world);
    expect(world.delivered).toEqual({ back: ['c'] });
    await router.stop();
  });

  it('takes up dead letters as soon as a retry is asked for, of a destination that is running', async () => {
    const delivers: Record<string, Deliver> = { hook: rejecting };
    const world = setup([config('hook'), config('off', false)], delivers);
    const router = await openRouter(world.options);
    const { ledger } = world.options;
    const letter = {
      messageId: 'm',
      code: 'HTTP_400',
      attemptCount: 1,
      diedAtMs: 1,
      event: Buffer.from('{}'),
    };
    const off = { destinationId: 'off', partition: 0, decisions: [], pending: [] };
    ledger.commit({ ...off, cursor: 9, dead: [{ ...letter, position: 3 }] });
    await world.append('a');
    await delivering(router, world);
    const given: string[] = [];
    delivers['hook'] = async (events) => {
      given.push(...events.map(({ event }) => event.messageId));
      return { outcomes: events.map(() => ({ kind: 'delivered' })) };
    };
    expect(router.changeDead('retry', { filter: {} })).toEqual({ count: 2 });
    await settled();
    expect(given).toEqual(['a']);
    expect(ledger.load('off', 0).pending).toEqual([]);
    expect(router.changeDead('drop', { filter: {} })).toEqual({ count: 1 });
    await router.stop();
  });

  it('stops when it is told to', async () => {
    const world = setup([config('one')]);
    const router = await openRouter(world.options);
    await router.stop();
    await world.append('a');
    await delivering(router, world);
    expect(world.delivered).toEqual({});
  });
});
