import { EVENT_MAX_BYTES, MESSAGE_TOO_LARGE } from '@millrace/spec';
import { analyticsError, usageError, type AnalyticsError } from '../errors.ts';
import { parseMessage, type OutgoingEvent } from '../outgoing.ts';
import { byteLength } from '../platform.ts';
import { Cancellation, Context } from './context.ts';
import { runHook, type After, type HookOutcome } from './hook.ts';
import { hookOf, type Plugin } from './plugin.ts';
import type { Registered } from './registry.ts';

/** An event on its way through the plugins. */
interface Passage {
  readonly type: string;
  /** Those at the call: one that is registered meanwhile sees later events only. */
  readonly plugins: readonly Registered[];
  event: OutgoingEvent;
  /** Made for the first plugin that has a method for the event. */
  ctx: Context | undefined;
  state: 'inside' | 'enriched' | AnalyticsError;
}

export interface PipelinePorts {
  after: After;
  /** A plugin failed; the event goes on without its change. */
  onFailure: (plugin: Plugin, error: unknown) => void;
  /** In the order of the calls. */
  onEnriched: (event: OutgoingEvent, type: string) => void;
  /** In place of that, in the same order. */
  onCancelled: (event: OutgoingEvent, error: AnalyticsError) => void;
}

/** Takes events through `before` and `enrichment` plugins, each at its own pace, and lets them out in order. */
export class Pipeline {
  #ports: PipelinePorts;
  /** In the order of the calls. */
  #inside = new Set<Passage>();
  #bytes = 0;

  constructor(ports: PipelinePorts) {
    this.#ports = ports;
  }

  /** Events that are in plugins, or behind one that is. */
  get count(): number {
    return this.#inside.size;
  }

  /** Their JSON. */
  get bytes(): number {
    return this.#bytes;
  }

  /** It comes out in the same tick unless a plugin is asynchronous, for it or for one before it. */
  add(type: string, event: OutgoingEvent, plugins: readonly Registered[]): void {
    const passage: Passage = { type, plugins, event, ctx: undefined, state: 'inside' };
    this.#inside.add(passage);
    this.#bytes += event.bytes;
    this.#pass(passage, 0);
  }

  #pass(passage: Passage, place: number): void {
    const registered = passage.plugins[place];
    if (!registered) return this.#finish(passage, 'enriched');
    const hook = hookOf(registered.plugin, passage.type);
    if (!hook || registered.state === 'failed') return this.#pass(passage, place + 1);
    if (registered.state === 'loading') {
      void registered.settled.then(() => this.#pass(passage, place));
      return;
    }
    const ctx = (passage.ctx ??= new Context(parseMessage(passage.event.json)));
    runHook(
      () => hook(ctx),
      this.#ports.after,
      (outcome) => {
        if (outcome.kind === 'failed' && outcome.error instanceof Cancellation) {
          this.#finish(passage, analyticsError('CANCELLED_BY_PLUGIN', outcome.error.message));
          return;
        }
        this.#keep(passage, registered.plugin, outcome);
        this.#pass(passage, place + 1);
      },
    );
  }

  /** Makes bytes of what the plugin left, or goes back to those from before it. */
  #keep(passage: Passage, plugin: Plugin, outcome: HookOutcome): void {
    try {
      if (outcome.kind === 'failed') throw outcome.error;
      if (outcome.value instanceof Context) passage.ctx = outcome.value;
      const json = JSON.stringify(passage.ctx?.event) as string | undefined;
      if (json?.[0] !== '{') throw usageError('it left no event');
      const bytes = byteLength(json);
      if (bytes >= EVENT_MAX_BYTES) throw usageError(MESSAGE_TOO_LARGE);
      this.#bytes += bytes - passage.event.bytes;
      passage.event = { json, bytes, callback: passage.event.callback };
    } catch (error) {
      passage.ctx = undefined;
      this.#ports.onFailure(plugin, error);
    }
  }

  #finish(passage: Passage, state: Passage['state']): void {
    passage.state = state;
    for (const first of this.#inside) {
      if (first.state === 'inside') return;
      this.#inside.delete(first);
      this.#bytes -= first.event.bytes;
      if (first.state === 'enriched') this.#ports.onEnriched(first.event, first.type);
      else this.#ports.onCancelled(first.event, first.state);
    }
  }
}
