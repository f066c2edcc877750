import type { AnalyticsError } from '../errors.ts';
import type { OutgoingEvent } from '../outgoing.ts';
import type { After } from './hook.ts';
import { Pipeline, type PipelinePorts } from './pipeline.ts';
import type { Plugin } from './plugin.ts';
import { Registry } from './registry.ts';

export interface PluginsPorts extends Pick<PipelinePorts, 'onCancelled'> {
  /** The client, for `load` and `unload`. */
  client: object;
  after: After;
  onError: (error: AnalyticsError) => void;
  /** In the order of the calls. */
  onEnriched: (event: OutgoingEvent) => void;
}

/** All that a client has once a plugin was registered; one that never does goes without. */
export class Plugins {
  readonly registry: Registry;
  #pipeline: Pipeline;

  constructor({ client, after, onError, onEnriched, onCancelled }: PluginsPorts) {
    const registry = new Registry({ client, after, onError });
    this.registry = registry;
    this.#pipeline = new Pipeline({
      after,
      onFailure: (plugin: Plugin, error) => registry.fail(plugin, error),
      onEnriched: (event, type) => {
        registry.tell('destination', type, event.json);
        onEnriched(event);
      },
      onCancelled,
    });
  }

  /** Events that have not come out yet. */
  get count(): number {
    return this.#pipeline.count;
  }

  /** Their JSON. */
  get bytes(): number {
    return this.#pipeline.bytes;
  }

  add(type: string, event: OutgoingEvent): void {
    this.#pipeline.add(type, event, this.registry.enriching);
  }
}
