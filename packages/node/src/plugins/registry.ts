import { integrationVerdict } from '@millrace/spec';
import { soon } from '../clock.ts';
import { analyticsError, type AnalyticsError } from '../errors.ts';
import { parseMessage } from '../outgoing.ts';
import { Context, type PluginEvent } from './context.ts';
import { runHook, type After, type HookOutcome } from './hook.ts';
import { checkPlugin, hookOf, type Plugin, type PluginType } from './plugin.ts';

export interface Registered {
  readonly plugin: Plugin;
  state: 'loading' | 'loaded' | 'failed';
  /** Resolves when that is over, either way. */
  settled: Promise<void>;
}

export interface RegistryPorts {
  after: After;
  /** The client, for `load` and `unload`. */
  client: object;
  onError: (error: AnalyticsError) => void;
}

/** The plugins of a client, and what does not change events: loading them, and those that look on. */
export class Registry {
  #ports: RegistryPorts;
  #all: readonly Registered[] = [];
  /** `before` and `enrichment`, in the order in which they run. */
  enriching: readonly Registered[] = [];
  /** Plugins whose failure was reported in this tick. */
  #reported = new Set<Plugin>();
  /** Calls of plugins that look on, while they run. */
  #watching = new Set<Promise<void>>();

  constructor(ports: RegistryPorts) {
    this.#ports = ports;
  }

  /**
   * Resolves when they are loaded. One that cannot be is reported and left out.
   * @throws Error for what is no plugin, before any is registered.
   */
  register(plugins: readonly Plugin[]): Promise<unknown> {
    for (const plugin of plugins) checkPlugin(plugin);
    const added = plugins.map((plugin): Registered => ({
      plugin,
      state: 'loading',
      settled: Promise.resolve(),
    }));
    this.#use([...this.#all, ...added]);
    return Promise.all(added.map((registered) => (registered.settled = this.#load(registered))));
  }

  /** Resolves when they are unloaded. An event that is in plugins already goes on through them. */
  deregister(names: readonly string[]): Promise<unknown> {
    const removed = this.#all.filter(({ plugin }) => names.includes(plugin.name));
    this.#use(this.#all.filter((registered) => !removed.includes(registered)));
    return Promise.all(removed.map(({ plugin }) => this.#unload(plugin)));
  }

  /** Resolves when all of them are loaded. */
  async loaded(): Promise<void> {
    await Promise.all(this.#all.map(({ settled }) => settled));
  }

  /** Whether it is worth telling it. */
  has(type: PluginType): boolean {
    return this.#all.some(({ plugin }) => plugin.type === type);
  }

  /** Tells `destination` plugins of an event that is to be sent, or `after` plugins of one that was. */
  tell(kind: 'destination' | 'after', type: string, json: string): void {
    for (const registered of this.#all) {
      const { plugin } = registered;
      const hook = plugin.type === kind ? hookOf(plugin, type) : undefined;
      if (!hook || registered.state === 'failed') continue;
      // One each: what one does to it is not for the others.
      const ctx = new Context(parseMessage(json));
      if (kind === 'after' || isMeantFor(plugin, ctx.event)) this.#watch(registered, () => hook(ctx));
    }
  }

  /** Calls under way of plugins that look on; undefined when there are none. */
  watched(): Promise<unknown> | undefined {
    return this.#watching.size === 0 ? undefined : Promise.all(this.#watching);
  }

  /** Reports what a plugin threw, once a tick, since it may do so at every event. */
  fail(plugin: Plugin, thrown: unknown): void {
    if (this.#reported.has(plugin)) return;
    if (this.#reported.size === 0) soon(() => this.#reported.clear());
    this.#reported.add(plugin);
    const words = thrown instanceof Error ? thrown.message : String(thrown);
    this.#ports.onError(
      analyticsError('PLUGIN_FAILED', `the plugin "${plugin.name}" failed: ${words}`, { cause: thrown }),
    );
  }

  #use(registered: readonly Registered[]): void {
    this.#all = registered;
    const ofType = (type: PluginType): Registered[] =>
      registered.filter(({ plugin }) => plugin.type === type);
    this.enriching = [...ofType('before'), ...ofType('enrichment')];
  }

  #load(registered: Registered): Promise<void> {
    const { plugin } = registered;
    return this.#run(
      () => plugin.load?.(systemContext(), this.#ports.client as never),
      (outcome) => {
        registered.state = outcome.kind === 'failed' ? 'failed' : 'loaded';
        if (outcome.kind === 'returned') return;
        this.#use(this.#all.filter((other) => other !== registered));
        this.fail(plugin, outcome.error);
      },
    );
  }

  #unload(plugin: Plugin): Promise<void> {
    return this.#run(
      () => plugin.unload?.(systemContext(), this.#ports.client as never),
      (outcome) => {
        if (outcome.kind === 'failed') this.fail(plugin, outcome.error);
      },
    );
  }

  #watch({ plugin, state, settled }: Registered, hook: () => unknown): void {
    const call = this.#run(
      () => (state === 'loading' ? settled.then(hook) : hook()),
      (outcome) => {
        if (outcome.kind === 'failed') this.fail(plugin, outcome.error);
      },
    );
    this.#watching.add(call);
    void call.then(() => this.#watching.delete(call));
  }

  #run(hook: () => unknown, done: (outcome: HookOutcome) => void): Promise<void> {
    return new Promise((resolve) => {
      runHook(hook, this.#ports.after, (outcome) => {
        done(outcome);
        resolve();
      });
    });
  }
}

/** For what concerns no event; as @segment/analytics-node has it. */
function systemContext(): Context {
  return new Context({ type: 'track', event: 'system' });
}

function isMeantFor({ name, alternativeNames = [] }: Plugin, event: PluginEvent): boolean {
  return integrationVerdict(event, { id: name, name, aliases: alternativeNames }).send;
}
