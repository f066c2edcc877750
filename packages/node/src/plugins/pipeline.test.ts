import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gate } from '../../test/scripted-server.ts';
import type { AnalyticsError } from '../errors.ts';
import type { OutgoingEvent } from '../outgoing.ts';
import type { Context } from './context.ts';
import { PLUGIN_MAX_MS } from './hook.ts';
import { Pipeline } from './pipeline.ts';
import type { Plugin } from './plugin.ts';
import { Registry } from './registry.ts';

interface Rig {
  registry: Registry;
  pipeline: Pipeline;
  /** What came out, in order: events, and for cancelled ones their code. */
  out: unknown[];
  errors: AnalyticsError[];
  track: (event: string) => void;
  /** As if every timer's time had come. */
  expire: () => void;
}

function rig(): Rig {
  const out: unknown[] = [];
  const errors: AnalyticsError[] = [];
  const timers = new Set<() => void>();
  const after = (delayMs: number, done: () => void): (() => void) => {
    expect(delayMs).toBe(PLUGIN_MAX_MS);
    timers.add(done);
    return () => timers.delete(done);
  };
  const registry = new Registry({ after, client: {}, onError: (error) => errors.push(error) });
  const pipeline = new Pipeline({
    after,
    onFailure: (plugin, error) => registry.fail(plugin, error),
    onEnriched: ({ json }) => out.push(JSON.parse(json)),
    onCancelled: (_, { code }) => out.push(code),
  });
  return {
    registry,
    pipeline,
    out,
    errors,
    track: (event) => {
      const json = JSON.stringify({ type: 'track', event });
      const outgoing: OutgoingEvent = { json, bytes: json.length, callback: undefined };
      pipeline.add('track', outgoing, registry.enriching);
    },
    expire: () => timers.forEach((done) => done()),
  };
}

const enrichment = (name: string, track: Plugin['track'], rest: Partial<Plugin> = {}): Plugin => ({
  name,
  type: 'enrichment',
  track,
  ...rest,
});
const mark = (name: string) => (ctx: Context) =>
  ctx.updateEvent('marks', [...((ctx.event['marks'] as string[] | undefined) ?? []), name]);
const failLater = (): Promise<void> => turn().then(() => Promise.reject(new Error('no file')));
const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

describe('plugins', () => {
  it('change an event in the same tick when they are synchronous, `before` ones first', () => {
    const { registry, out, track, pipeline } = rig();
    void registry.register([
      enrichment('e1', mark('e1')),
      enrichment('b1', mark('b1'), { type: 'before' }),
      enrichment('e2', mark('e2')),
      enrichment('b2', mark('b2'), { type: 'before' }),
    ]);
    track('a');
    expect(out).toEqual([{ type: 'track', event: 'a', marks: ['b1', 'b2', 'e1', 'e2'] }]);
    expect([pipeline.count, pipeline.bytes]).toEqual([0, 0]);
  });

  it('see only the calls that they have a method for, and are called as methods', () => {
    const { registry, out, track } = rig();
    class Stamp {
      name = 'stamp';
      type = 'enrichment' as const;
      mark = 'of this';
      track(ctx: Context): void {
        ctx.event['mark'] = this.mark;
      }
    }
    void registry.register([{ name: 'pages', type: 'enrichment', page: (ctx) => ctx.cancel() }, new Stamp()]);
    track('a');
    expect(out).toEqual([{ type: 'track', event: 'a', mark: 'of this' }]);
  });

  it('cancel an event with a reason', () => {
    const { registry, out, errors, track } = rig();
    void registry.register([
      enrichment('consent', (ctx) => ctx.event['event'] === 'b' && ctx.cancel('no consent')),
    ]);
    ['a', 'b', 'c'].forEach(track);
    expect(out).toEqual([
      { type: 'track', event: 'a' },
      'CANCELLED_BY_PLUGIN',
      { type: 'track', event: 'c' },
    ]);
    expect(errors).toEqual([]);
  });

  it.each<[string, (ctx: Context) => unknown, RegExp]>([
    [
      'throws',
      (ctx) => {
        ctx.updateEvent('half', true);
        throw new Error('broken');
      },
      /^the plugin "bad" failed: broken$/,
    ],
    [
      'rejects',
      async (ctx) => {
        ctx.updateEvent('half', true);
        await turn();
        throw new Error('broken');
      },
      /: broken$/,
    ],
    ['makes it too large', (ctx) => ctx.updateEvent('text', 'x'.repeat(32_768)), /must be < 32kb/],
    ['makes it unserialisable', (ctx) => ctx.updateEvent('count', 1n), /BigInt/],
    ['takes it away', (ctx) => ((ctx.event as unknown) = undefined), /it left no event/],
  ])('that one %s leaves the event as it was before it, and is reported', async (_, bad, words) => {
    const { registry, out, errors, track, pipeline } = rig();
    void registry.register([
      enrichment('first', (ctx) => ctx.updateEvent('first', 1)),
      enrichment('bad', bad),
      enrichment('last', (ctx) => ctx.updateEvent('last', 1)),
    ]);
    track('a');
    await expect.poll(() => out).toEqual([{ type: 'track', event: 'a', first: 1, last: 1 }]);
    expect(errors).toMatchObject([
      { code: 'PLUGIN_FAILED', message: expect.stringMatching(words) as string },
    ]);
    expect([pipeline.count, pipeline.bytes]).toEqual([0, 0]);
  });

  it('that fail at every event are reported once a tick', async () => {
    const { registry, errors, track } = rig();
    void registry.register([
      enrichment('bad', () => {
        throw new Error('broken');
      }),
    ]);
    ['a', 'b', 'c'].forEach(track);
    expect(errors).toHaveLength(1);
    await turn();
    track('d');
    expect(errors).toHaveLength(2);
  });

  it('that hang hold an event for ten seconds, and no event behind it longer', async () => {
    const { registry, out, errors, track, expire } = rig();
    void registry.register([
      enrichment('slow', (ctx) => (ctx.event['event'] === 'a' ? new Promise(() => undefined) : undefined)),
    ]);
    ['a', 'b'].forEach(track);
    await turn();
    expect(out).toEqual([]);
    expire();
    expect(out).toMatchObject([{ event: 'a' }, { event: 'b' }]);
    expect(errors).toMatchObject([{ code: 'PLUGIN_FAILED' }]);
  });

  it('are waited for while they load; later ones see later events only', async () => {
    const { registry, out, track } = rig();
    const { opened: loaded, open: load } = gate();
    const registered = registry.register([
      enrichment('slow', (ctx) => ctx.updateEvent('slow', true), { load: () => loaded }),
    ]);
    track('a');
    void registry.register([enrichment('late', (ctx) => ctx.updateEvent('late', true))]);
    expect(out).toEqual([]);
    load();
    await registered;
    await expect.poll(() => out).toEqual([{ type: 'track', event: 'a', slow: true }]);
  });

  it('that cannot be loaded are reported and left out', async () => {
    const { registry, out, errors, track } = rig();
    const registered = registry.register([
      enrichment('bad', (ctx) => ctx.updateEvent('bad', true), { load: failLater }),
    ]);
    track('a');
    await registered;
    track('b');
    await expect
      .poll(() => out)
      .toEqual([
        { type: 'track', event: 'a' },
        { type: 'track', event: 'b' },
      ]);
    expect(errors).toMatchObject([
      { code: 'PLUGIN_FAILED', message: 'the plugin "bad" failed: no file', cause: { message: 'no file' } },
    ]);
  });

  it('that are deregistered are unloaded and see no later event', async () => {
    const { registry, out, track } = rig();
    let unloaded = 0;
    const unload = (): void => void (unloaded += 1);
    void registry.register([enrichment('mark', (ctx) => ctx.updateEvent('mark', true), { unload })]);
    await registry.deregister(['mark', 'unknown']);
    track('a');
    expect(unloaded).toBe(1);
    expect(out).toEqual([{ type: 'track', event: 'a' }]);
  });

  it('let events out in the order of the calls, changed and cancelled as asked, whatever each one takes', async () => {
    type Step = { kind: 'sync' | 'async' | 'cancel' | 'throw'; turns: number };
    const step = fc.record({
      kind: fc.constantFrom('sync', 'async', 'cancel', 'throw'),
      turns: fc.integer({ min: 0, max: 4 }),
    }) as fc.Arbitrary<Step>;
    await fc.assert(
      fc.asyncProperty(
        fc
          .integer({ min: 1, max: 3 })
          .chain((pluginCount) =>
            fc.array(fc.array(step, { minLength: pluginCount, maxLength: pluginCount }), { maxLength: 12 }),
          ),
        async (script) => {
          const { registry, out, track, pipeline } = rig();
          const run = async (ctx: Context, { kind, turns }: Step): Promise<void> => {
            for (let left = turns; left > 0; left -= 1) await turn();
            if (kind === 'throw') throw new Error('broken');
            if (kind === 'cancel') ctx.cancel();
            ctx.event['marks'] = Number(ctx.event['marks'] ?? 0) + 1;
          };
          const pluginCount = script[0]?.length ?? 1;
          const plugins = Array.from({ length: pluginCount }, (_, place) =>
            enrichment(`p${place}`, (ctx) => {
              const step = script[Number(ctx.event['event'])]![place]!;
              if (step.kind !== 'sync') return run(ctx, step);
              ctx.event['marks'] = Number(ctx.event['marks'] ?? 0) + 1;
              return undefined;
            }),
          );
          await registry.register(plugins);
          script.forEach((_, index) => track(String(index)));
          while (pipeline.count > 0) await turn();
          const expected = script.map((steps, index) => {
            if (steps.some(({ kind }) => kind === 'cancel')) return 'CANCELLED_BY_PLUGIN';
            const marks = steps.filter(({ kind }) => kind !== 'throw').length;
            return { type: 'track', event: String(index), ...(marks > 0 && { marks }) };
          });
          expect(out).toEqual(expected);
          expect(pipeline.bytes).toBe(0);
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('plugins that look on', () => {
  it('are told of each event in a copy of their own', async () => {
    const { registry } = rig();
    const seen: unknown[] = [];
    const spoil = (ctx: Context): void => {
      seen.push({ ...ctx.event });
      ctx.updateEvent('spoiled', true);
    };
    await registry.register([
      { name: 'one', type: 'destination', track: spoil },
      { name: 'two', type: 'destination', track: spoil },
      { name: 'three', type: 'after', track: spoil },
    ]);
    registry.tell('destination', 'track', '{"type":"track","event":"a"}');
    expect(seen).toEqual([
      { type: 'track', event: 'a' },
      { type: 'track', event: 'a' },
    ]);
  });

  it('are not told of events that their `integrations` keep from them', async () => {
    const { registry } = rig();
    const told: string[] = [];
    await registry.register([
      { name: 'A', type: 'destination', track: () => told.push('A') },
      { name: 'B', alternativeNames: ['Bee'], type: 'destination', track: () => told.push('B') },
    ]);
    const tell = (integrations: object): void =>
      registry.tell('destination', 'track', JSON.stringify({ type: 'track', integrations }));
    tell({ All: false, Bee: true });
    tell({ A: false });
    tell({ All: false });
    expect(told).toEqual(['B', 'B']);
  });

  it('fail without consequence but a report, and are waited for while they run', async () => {
    const { registry, errors } = rig();
    const { opened: finished, open: finish } = gate();
    await registry.register([
      {
        name: 'bad',
        type: 'after',
        track: async () => {
          await finished;
          throw new Error('broken');
        },
      },
    ]);
    registry.tell('after', 'track', '{"type":"track"}');
    const watched = registry.watched();
    expect(watched).toBeInstanceOf(Promise);
    finish();
    await watched;
    expect(errors).toMatchObject([{ code: 'PLUGIN_FAILED' }]);
    expect(registry.watched()).toBeUndefined();
  });
});

describe('what is no plugin', () => {
  it.each<[unknown, string]>([
    [undefined, 'A plugin must have a name.'],
    [{ type: 'before' }, 'A plugin must have a name.'],
    [
      { name: 'p', type: 'source' },
      'The type of the plugin "p" must be one of before, enrichment, destination, after, utility.',
    ],
  ])('is refused: %j', (plugin, words) => {
    const { registry } = rig();
    expect(() => registry.register([plugin as Plugin])).toThrow(words);
  });
});
