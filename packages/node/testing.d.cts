import Client = require('./index.cjs');

/**
 * A client for tests, without a network: a recorder of its own for each test, or one that is cleared
 * between them. Its functions need no `this`. Works with any test runner; what fails is an `Error` whose message says how.
 *
 * @typeParam Events the properties of each event by its name, as of `Analytics`.
 * @typeParam Traits those of `identify`.
 */
export declare function createRecorder<
  Events extends Client.EventMap<Events> = Client.AnyEvents,
  Traits extends object = object,
>(): Recorder<Events, Traits>;

/** A client for tests, and what it would have sent, to be asked for in the tick of the call. */
export interface Recorder<
  Events extends Client.EventMap<Events> = Client.AnyEvents,
  Traits extends object = object,
> {
  /**
   * For the code under test: it validates, enriches and runs plugins as ever, but answers its requests
   * itself, with 200. So callbacks are called without an error, and flushes resolve. An event that an
   * asynchronous plugin holds is recorded once that is done, and thus after a `flush`.
   */
  readonly analytics: Client<Events, Traits>;

  /** What was recorded since the start or `clear`, in the order of the calls. The array is a copy. */
  events(this: void): RecordedEvent[];

  /** Those of `events` that have this type. */
  ofType(this: void, type: Client.EventType): RecordedEvent[];

  /** Forgets what was recorded, as between two tests. */
  clear(this: void): void;

  /**
   * The first event of this type that has all of these fields, and of the objects in them all of these
   * keys; others may be there besides. Arrays are compared whole. A Date stands for its text, `undefined`
   * for an absent key, and matchers such as `expect.any(Number)` work anywhere within.
   * @throws Error with the closest events and how they differ, when there is none.
   */
  expectEvent(this: void, type: Client.EventType, fields?: object): RecordedEvent;

  /**
   * The first `track` of this event that has all of these properties; compared as by `expectEvent`.
   * @throws Error with the closest events and how they differ, when there is none.
   */
  expectTracked<Name extends Client.EventName<Events>>(
    this: void,
    event: Name,
    properties?: SomeOf<Events, Name>,
  ): RecordedEvent;

  /** @throws Error with the event, when there is one that `expectTracked` would find. */
  expectNotTracked<Name extends Client.EventName<Events>>(
    this: void,
    event: Name,
    properties?: SomeOf<Events, Name>,
  ): void;
}

/** An event as it goes over the wire: enriched, its dates as text, its `userId` and `anonymousId` too. */
export interface RecordedEvent {
  /** By which call. */
  type: Client.EventType;
  /** The caller's, or a random one. */
  messageId: string;
  /** ISO 8601. */
  timestamp: string;
  /** With `library`. */
  context: Record<string, unknown>;
  // As in the messages of the calls.
  // oxlint-disable-next-line typescript/no-explicit-any -- see above
  [key: string]: any;
}

/** Some of the properties of an event. */
export type SomeOf<Events, Name extends keyof Events> = 0 extends 1 & Events ? object : Some<Events[Name]>;

/** Of objects some of the keys, at any depth. */
export type Some<Value> = Value extends readonly (infer Element)[]
  ? readonly Some<Element>[]
  : { [Key in keyof Value]?: Some<Value[Key]> | undefined };
