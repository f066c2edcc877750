import { EVENT_TYPES, isEventType, isJsonObject } from '@millrace/spec';
import type { Emitter } from './emitter.ts';
import type { ClientEvents } from './events.ts';
import { parseMessage } from './outgoing.ts';
import { Context } from './plugins/context.ts';
import type { Registry } from './plugins/registry.ts';
import { errorOf, type Settled } from './settlement.ts';

/** Tells listeners of the six calls, and `after` plugins, of events that were delivered, each by itself. */
export function tellOfDelivered(
  settled: Settled,
  emitter: Emitter<ClientEvents>,
  registry: Registry | undefined,
): void {
  const hasPlugins = registry?.has('after') ?? false;
  if (!hasPlugins && !EVENT_TYPES.some((type) => emitter.has(type))) return;
  settled.events.forEach(({ json }, index) => {
    const event: unknown = errorOf(settled, index) ? undefined : parseMessage(json);
    // Of what a program put into `queue` itself, nobody knows what it is.
    if (!isJsonObject(event) || !isEventType(event['type'])) return;
    emitter.emit(event['type'], new Context(event));
    registry?.tell('after', event['type'], json);
  });
}
