/** An event as plugins and listeners see it. */
export type PluginEvent = Record<string, unknown>;

/** Thrown by `ctx.cancel`, so that the plugin stops there as well. */
export class Cancellation extends Error {}

/** What a plugin, or a listener of one of the six calls, is given for an event. */
export class Context {
  /** As it will go, or went, over the wire. A plugin may change it, or put another in its place. */
  event: PluginEvent;

  constructor(event: PluginEvent) {
    this.event = event;
  }

  /**
   * Sets the value at a path such as `properties.plan`, with the objects that it needs on the way. An
   * integration that the event switches off stays off, as with @segment/analytics-node.
   * @returns the event.
   */
  updateEvent(path: string, value: unknown): PluginEvent {
    const keys = path.split('.');
    if (keys[0] === 'integrations' && isOff(this.event, keys[1])) return this.event;
    const last = keys.pop()!;
    let parent = this.event;
    for (const key of keys) parent = childOf(parent, key);
    parent[last] = value;
    return this.event;
  }

  /** Drops the event, with the code `CANCELLED_BY_PLUGIN`. @throws always, which ends the plugin too. */
  cancel(reason: string | Error = 'no reason given'): never {
    throw new Cancellation(typeof reason === 'string' ? reason : reason.message, { cause: reason });
  }
}

/** Its own members only: what everything inherits is not the event's to change. */
function childOf(parent: PluginEvent, key: string): PluginEvent {
  const child = Object.hasOwn(parent, key) ? parent[key] : undefined;
  if (typeof child === 'object' && child !== null) return child as PluginEvent;
  const made: PluginEvent = {};
  parent[key] = made;
  return made;
}

function isOff({ integrations }: PluginEvent, name: string | undefined): boolean {
  if (name === undefined || typeof integrations !== 'object' || integrations === null) return false;
  return Object.hasOwn(integrations, name) && (integrations as PluginEvent)[name] === false;
}
