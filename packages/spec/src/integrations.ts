import { isJsonObject } from './event.ts';
import type { FilterCode } from './codes.ts';

/** What the rule needs to know of one configured destination. */
export interface IntegrationTarget {
  /** Id of the configured instance; beats the names. */
  id: string;
  /** The destination's name in the `integrations` object; case-sensitive. */
  name: string;
  /** Other names that address it, such as a classic brand name. */
  aliases?: readonly string[];
  /** Storage destinations (files, warehouses) ignore the object, as Segment's do. */
  storage?: boolean;
}

export type IntegrationVerdict =
  { send: true; options?: Readonly<Record<string, unknown>> } | { send: false; code: FilterCode };

/**
 * Whether an event goes to a destination, by the event's `integrations` object. Instance id beats
 * name beats alias beats `All`; `true` or an object sends, `false` blocks, anything else counts as
 * absent; `All` is true by default. Names in `_metadata.bundled` were served by the browser; those in
 * `_metadata.unbundled` it has no code for, so they are served here like any other.
 * Source: https://segment.com/docs/guides/filtering-data/#filtering-with-the-integrations-object
 */
export function integrationVerdict(
  event: { integrations?: unknown; _metadata?: unknown },
  target: IntegrationTarget,
): IntegrationVerdict {
  if (target.storage) return { send: true };
  const names = [target.id, target.name, ...(target.aliases ?? [])];
  if (names.slice(1).some((name) => bundledNames(event._metadata).includes(name))) {
    return { send: false, code: 'MESSAGE_SENT_CLIENT_SIDE' };
  }
  const integrations = isJsonObject(event.integrations) ? event.integrations : {};
  for (const name of [...names, 'All']) {
    const value = Object.hasOwn(integrations, name) ? integrations[name] : undefined;
    if (value === false) return { send: false, code: 'FILTERED_BY_INTEGRATIONS_OBJECT' };
    if (value === true) return { send: true };
    if (isJsonObject(value)) return { send: true, options: value };
  }
  return { send: true };
}

function bundledNames(metadata: unknown): readonly unknown[] {
  const bundled = isJsonObject(metadata) ? metadata['bundled'] : undefined;
  return Array.isArray(bundled) ? bundled : [];
}
