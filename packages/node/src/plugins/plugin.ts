import { isEventType, type EventType } from '@millrace/spec';
import { usageError } from '../errors.ts';
import type { Context } from './context.ts';

const PLUGIN_TYPES = ['before', 'enrichment', 'destination', 'after', 'utility'] as const;

/**
 * `before`, then `enrichment`, change events or cancel them. The others look on: `destination` at the
 * event as it will be sent, `after` once it is delivered; `utility` is only loaded.
 */
export type PluginType = (typeof PLUGIN_TYPES)[number];

/** Method by method what a plugin does with an event of that type; what it returns may be a promise. */
export type PluginHooks = { [Type in EventType]?: ((ctx: Context) => unknown) | undefined };

export interface Plugin extends PluginHooks {
  name: string;
  type: PluginType;
  /** Of a `destination`: other names by which the event's `integrations` may exclude it. */
  alternativeNames?: string[] | undefined;
  version?: string | undefined;
  /** Not asked: events wait for `load`. */
  isLoaded?: (() => boolean) | undefined;
  /** Called once, at `register`. Events that are tracked meanwhile wait for it. */
  load?: ((ctx: Context, analytics: never) => unknown) | undefined;
  /** Called once, at `deregister`. */
  unload?: ((ctx: Context, analytics: never) => unknown) | undefined;
}

/** @throws Error naming what is wrong with it. */
export function checkPlugin(plugin: unknown): asserts plugin is Plugin {
  const { name, type } = (plugin ?? {}) as Partial<Plugin>;
  if (typeof name !== 'string' || name === '') throw usageError('A plugin must have a name.');
  if (!PLUGIN_TYPES.includes(type!)) {
    throw usageError(`The type of the plugin "${name}" must be one of ${PLUGIN_TYPES.join(', ')}.`);
  }
}

/** A plugin's own method may be that of a class. */
export function hookOf(plugin: Plugin, type: string): ((ctx: Context) => unknown) | undefined {
  const hook = isEventType(type) ? plugin[type] : undefined;
  return typeof hook === 'function' ? (ctx) => hook.call(plugin, ctx) : undefined;
}
