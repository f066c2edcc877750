import type { EventType, JsonObject, SegmentEvent } from '@millrace/spec';
import type { PaceOptions } from './pace.ts';

/** What every destination takes beside its own settings: which events reach it, from when on, and as what. */
export interface RoutingOptions extends PaceOptions {
  /** Default true. One that is off keeps its place. */
  enabled?: boolean | undefined;
  /** Where a new destination begins; one that has begun goes on where it was, whatever is said here. Default `'now'`. */
  start?: StartPosition | undefined;
  /**
   * In milliseconds, at least 1,000: events that happened longer ago (`timestamp`) when they are read are not delivered
   * (`TOO_OLD_FOR_DESTINATION`). For tools that take no history. Default: any age.
   */
  maxEventAgeMs?: number | undefined;
  /**
   * What the destination does not get. Whatever their order here, they apply as Segment's do: sample, drop and only,
   * block fields, allow fields. Conditions see the event as it was received.
   */
  filters?: readonly EventFilter[] | undefined;
  /**
   * Changes an event before it is sent, or drops it. For code configs only. Called again for each attempt.
   * @see Transform
   */
  transform?: Transform | undefined;
  /** For one call of `transform`, in milliseconds. Default 5,000; 1 to 60,000. */
  transformTimeoutMs?: number | undefined;
}

/**
 * `'now'`: events received from then on. `'earliest'`: all that the log still has. A time (ISO 8601 with its zone, or milliseconds since
 * the epoch): events received (`receivedAt`) from then on, as far as the log still has them.
 */
export type StartPosition = 'now' | 'earliest' | (string & Record<never, never>) | number;

/**
 * FQL text, or all of what an object says, or a function (code configs only), which gets a copy of the event and must
 * return true or false.
 */
export type Condition = string | ConditionParts | ((event: SegmentEvent) => boolean);

export interface ConditionParts {
  /** One of these types. */
  types?: readonly EventType[] | undefined;
  /** One of these: `event` of a track call, `name` of a page or screen call. */
  names?: readonly string[] | undefined;
  /** Segment's Filter Query Language. */
  fql?: string | undefined;
}

export type EventFilter =
  /** Events that meet the condition are not delivered (`FILTERED_BY_RULES`). */
  | { action: 'drop'; when: Condition }
  /** Events that do not meet it are not delivered (`FILTERED_BY_RULES`). */
  | { action: 'only'; when: Condition }
  /**
   * Of the events that meet it those of so many percent of all users (0 to 100) are delivered, always of the same ones;
   * the others are not (`FILTERED_BY_SAMPLING`). A user is a `userId`, else an `anonymousId`.
   */
  | { action: 'sample'; percent: number; when?: Condition | undefined }
  /** These are taken out: paths below `properties`, `traits` or `context`, such as `properties.card.number`. */
  | { action: 'blockFields'; fields: readonly string[]; when?: Condition | undefined }
  /** Of `properties`, `traits` and `context`, as far as they are named here, nothing but these is kept. */
  | { action: 'allowFields'; fields: readonly string[]; when?: Condition | undefined };

/**
 * Gets a copy of its own, after the filters. Returns the event to send, the same one or another, or null or undefined to
 * drop it (`FILTERED_BY_TRANSFORM`). `messageId` and `receivedAt` stay what they were. One that throws, takes too long or returns
 * no event makes the event a dead letter (`TRANSFORM_FAILED`). Code that never gives way cannot be interrupted.
 */
export type Transform = (
  event: SegmentEvent,
) => SegmentEvent | null | undefined | Promise<SegmentEvent | null | undefined>;

/** One configured destination as data, the same in code, where it may hold functions, and in a .json config. */
export interface DestinationConfig extends RoutingOptions {
  kind: string;
  /** Unique among the destinations; lower-case letters, digits and dashes. */
  id: string;
  settings: JsonObject;
}

const ROUTING_KEYS: ReadonlySet<string> = new Set<keyof RoutingOptions>([
  'enabled',
  'start',
  'maxEventAgeMs',
  'filters',
  'transform',
  'transformTimeoutMs',
  'order',
  'retry',
  'rateLimit',
]);

/** What a factory of a config returns: the routing and pace beside the settings of the kind. */
export function destinationConfig(
  kind: string,
  { id, ...options }: RoutingOptions & { id: string },
): DestinationConfig {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  const routing = Object.fromEntries(given.filter(([key]) => ROUTING_KEYS.has(key)));
  const settings = Object.fromEntries(given.filter(([key]) => !ROUTING_KEYS.has(key)));
  return { kind, id, ...routing, settings };
}
