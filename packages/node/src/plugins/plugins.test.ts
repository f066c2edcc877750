import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { gate, startServer, type ScriptedServer } from '../../test/scripted-server.ts';
import { Analytics } from '../analytics.ts';
import type { AnalyticsError } from '../errors.ts';
import type { AnalyticsOptions } from '../options.ts';
import type { Context } from './context.ts';
import type { Plugin } from './plugin.ts';

/** Plugins in a client, as a program sees them. */

let server: ScriptedServer;

beforeEach(async () => {
  server = await startServer();
});

afterEach(async () => {
  await server.close();
});

function client(options: AnalyticsOptions = {}): Analytics {
  const analytics = new Analytics('KEY', { host: server.host, flushInterval: 600_000, ...options });
  analytics.flushed = true;
  return analytics;
}

const enrichment = (name: string, track: Plugin['track']): Plugin => ({ name, type: 'enrichment', track });
const sent = (): unknown[] => server.requests.flatMap(({ body }) => body.batch.map(({ event }) => event));
const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

function tracked(analytics: Analytics, event: string): { readonly outcome: Promise<string> } {
  const outcome = new Promise<string>((resolve) => {
    analytics.track({ userId: 'u', event }, (error) => resolve(error?.code ?? 'delivered'));
  });
  return { outcome };
}

describe('a flush', () => {
  it('covers what is inside plugins, and sends it at once when it comes out', async () => {
    const analytics = client();
    const { opened, open } = gate();
    await analytics.register(
      enrichment('slow', async (ctx) => {
        if (ctx.event['event'] === 'b') await opened;
      }),
    );
    ['a', 'b', 'c'].forEach((event) => tracked(analytics, event));
    const flush = analytics.flush();
    await turn();
    tracked(analytics, 'late');
    open();
    const data = await flush;
    expect(data?.batch).toMatchObject([{ event: 'a' }, { event: 'b' }, { event: 'c' }]);
    expect(sent()).toEqual(['a', 'b', 'c']);
    await analytics.flush();
    expect(sent()).toEqual(['a', 'b', 'c', 'late']);
  });

  it('counts what is inside plugins when its time is over; that stays, and goes later', async () => {
    const analytics = client();
    const { opened, open } = gate();
    await analytics.register(enrichment('slow', () => opened));
    tracked(analytics, 'a');
    tracked(analytics, 'b');
    await expect(analytics.flush({ timeout: 20 })).rejects.toMatchObject({
      code: 'FLUSH_TIMEOUT',
      sentCount: 0,
      remainingCount: 2,
    });
    open();
    await analytics.flush();
    expect(sent()).toEqual(['a', 'b']);
  });

  it('of nothing but cancelled events resolves with undefined after their callbacks', async () => {
    const analytics = client();
    await analytics.register(
      enrichment('consent', async (ctx) => {
        await turn();
        ctx.cancel('no consent');
      }),
    );
    let cancelled: AnalyticsError | undefined;
    analytics.track({ userId: 'u', event: 'a' }, (error) => {
      cancelled = error;
    });
    expect(await analytics.flush()).toBeUndefined();
    expect(cancelled).toMatchObject({ code: 'CANCELLED_BY_PLUGIN', message: 'no consent' });
    expect(server.requests).toEqual([]);
  });

  it('waits for plugins that look on', async () => {
    const analytics = client();
    const log: string[] = [];
    await analytics.register(
      {
        name: 'elsewhere',
        type: 'destination',
        track: async () => {
          await turn();
          log.push('destination');
        },
      },
      {
        name: 'audit',
        type: 'after',
        track: async () => {
          await turn();
          log.push('after');
        },
      },
    );
    tracked(analytics, 'a');
    await analytics.closeAndFlush();
    expect(log).toEqual(['destination', 'after']);
  });

  it('covers exactly what was tracked before it, whatever plugins take and cancel', async () => {
    type Step = { kind: 'pass' | 'cancel' | 'flush'; turns: number };
    const step: fc.Arbitrary<Step> = fc.record({
      kind: fc.constantFrom('pass', 'pass', 'cancel', 'flush'),
      turns: fc.integer({ min: 0, max: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 16 }),
        fc.integer({ min: 1, max: 4 }),
        async (steps, flushAt) => {
          const analytics = client({ flushAt });
          await analytics.register(
            enrichment('script', (ctx: Context) => {
              const { kind, turns } = steps[Number(ctx.event['event'])]!;
              if (kind === 'cancel') ctx.cancel();
              return turns === 0 ? undefined : Promise.all(Array.from({ length: turns }, turn));
            }),
          );
          const before = server.requests.length;
          const settled = new Set<number>();
          const flushes = [];
          for (const [index, { kind, turns }] of steps.entries()) {
            if (kind !== 'flush') {
              analytics.track({ userId: 'u', event: String(index) }, () => settled.add(index));
              continue;
            }
            const earlier = [...steps.keys()].filter(
              (other) => other < index && steps[other]!.kind !== 'flush',
            );
            flushes.push(
              analytics.flush().then((data) => {
                expect([...settled]).toEqual(expect.arrayContaining(earlier));
                return data;
              }),
            );
            if (turns === 0) await turn();
          }
          await Promise.all(flushes);
          await analytics.flush();
          const passed = steps.flatMap(({ kind }, index) => (kind === 'pass' ? [String(index)] : []));
          const bodies = server.requests.slice(before);
          expect(bodies.flatMap(({ body }) => body.batch.map(({ event }) => event))).toEqual(passed);
        },
      ),
      { numRuns: 60 },
    );
  }, 30_000);
});

describe('the bounds on memory', () => {
  it('hold for what is inside plugins too', async () => {
    const analytics = client({ maxBufferedEvents: 2 });
    const { opened, open } = gate();
    await analytics.register(enrichment('slow', () => opened));
    const outcomes = ['a', 'b', 'c'].map((event) => tracked(analytics, event).outcome);
    expect(await outcomes[2]).toBe('QUEUE_FULL');
    open();
    await analytics.flush();
    expect(await Promise.all(outcomes)).toEqual(['delivered', 'delivered', 'QUEUE_FULL']);
  });

  it('hold for what plugins add', async () => {
    const analytics = client({ maxBufferedBytes: 32_768 });
    await analytics.register(enrichment('grow', (ctx) => ctx.updateEvent('text', 'x'.repeat(20_000))));
    const outcomes = ['a', 'b'].map((event) => tracked(analytics, event).outcome);
    await analytics.flush();
    expect((await Promise.all(outcomes)).toSorted()).toEqual(['QUEUE_FULL', 'delivered']);
  });
});

describe('a client with plugins', () => {
  it('tells `register` and `deregister`, and reports a plugin that fails', async () => {
    const errors: AnalyticsError[] = [];
    const analytics = client({ errorHandler: (error) => errors.push(error) });
    const told: unknown[] = [];
    analytics.on('register', (names) => told.push(['register', names]));
    analytics.on('deregister', (names) => told.push(['deregister', names]));
    let client_: unknown;
    await analytics.register(
      enrichment('bad', () => {
        throw new Error('broken');
      }),
      {
        name: 'loaded',
        type: 'utility',
        load: (_, given) => {
          client_ = given;
        },
      },
    );
    expect(client_).toBe(analytics);
    const { outcome } = tracked(analytics, 'a');
    await analytics.flush();
    expect(await outcome).toBe('delivered');
    await analytics.deregister('bad');
    expect(told).toEqual([
      ['register', ['bad', 'loaded']],
      ['deregister', ['bad']],
    ]);
    expect(errors).toMatchObject([{ code: 'PLUGIN_FAILED' }]);
  });

  it('refuses what is no plugin at the call', () => {
    expect(() => client().register({} as Plugin)).toThrow('A plugin must have a name.');
  });

  it('is ready when they are loaded', async () => {
    const analytics = client();
    const { opened, open } = gate();
    void analytics.register({ name: 'slow', type: 'utility', load: () => opened });
    let isReady = false;
    const ready = analytics.ready.then(() => (isReady = true));
    await turn();
    expect(isReady).toBe(false);
    open();
    await ready;
  });

  it('leaves the object that the program passed as it was', async () => {
    const analytics = client();
    await analytics.register(enrichment('mark', (ctx) => ctx.updateEvent('properties.mark', true)));
    const properties = { a: 1 };
    analytics.track({ userId: 'u', event: 'a', properties });
    await analytics.flush();
    expect(properties).toEqual({ a: 1 });
    expect(server.requests[0]!.body.batch[0]).toMatchObject({ properties: { a: 1, mark: true } });
  });
});
