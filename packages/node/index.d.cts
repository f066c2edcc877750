/**
 * A client of the Segment Tracking API, compatible with `analytics-node` 6.2.
 *
 * Without type arguments any event with any properties may be tracked. With them, what is not declared
 * does not compile; nothing is checked at run time.
 *
 * @typeParam Events the properties of each event by its name: `Analytics<{ 'Order Completed': { total: number } }>`.
 *   An event without properties has `undefined`.
 * @typeParam Traits those of `identify`.
 * @typeParam Who what a call says of its user: {@link Client.Identity}, or {@link Client.OptionalIdentity} where
 *   `withContext` may give it (see {@link Client.InContext}).
 */
declare class Client<
  Events extends Client.EventMap<Events> = Client.AnyEvents,
  Traits extends object = object,
  Who = Client.Identity,
> {
  /**
   * @throws Error `You must pass your Segment project's write key.`, and for an option out of bounds.
   */
  constructor(writeKey: string, options?: Client.Options);
  /** The form of `@segment/analytics-node`. */
  constructor(settings: Client.Settings);

  /** Ties a user to traits. @throws Error when the message is not valid. */
  identify(message: Client.IdentifyMessage<Traits, Who>, callback?: Client.Callback): this;
  /** Records something that a user did. @throws Error when the message is not valid. */
  track<Name extends Client.EventName<Events>>(
    message: Client.MessageOfEvent<Events, Name, Who>,
    callback?: Client.Callback,
  ): this;
  /** Records a page view. @throws Error when the message is not valid. */
  page(message: Client.PageMessage<Who>, callback?: Client.Callback): this;
  /** Records a view of an app's screen. @throws Error when the message is not valid. */
  screen(message: Client.PageMessage<Who>, callback?: Client.Callback): this;
  /** Ties a user to a group. @throws Error when the message is not valid. */
  group(message: Client.GroupMessage<Who>, callback?: Client.Callback): this;
  /** Ties two ids of one user together. @throws Error when the message is not valid. */
  alias(message: Client.AliasMessage, callback?: Client.Callback): this;

  /**
   * Sends all that is queued. Resolves when everything that was queued or in flight at the call is
   * settled and its callbacks have run; with undefined when there was nothing, or the client is
   * disabled. Rejects with the first error, unless an `errorHandler` has it.
   */
  flush(callback?: Client.Callback | null): Promise<Client.FlushData | undefined>;
  /** With `timeout` it rejects with `FLUSH_TIMEOUT`; what remains stays queued. */
  flush(options: Client.FlushOptions): Promise<Client.FlushData | undefined>;
  /** Drops what is tracked from now on (`CLIENT_CLOSED`) and flushes the rest. */
  closeAndFlush(options?: Pick<Client.FlushOptions, 'timeout'>): Promise<Client.FlushData | undefined>;

  /** `closeAndFlush()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;

  /**
   * Calls `listener` with what {@link Client.ClientEvents} says. What it throws surfaces on the next tick and
   * stops nothing. Without listeners nothing is thrown. @throws Error when `listener` is no function.
   */
  on<Name extends keyof Client.ClientEvents>(
    event: Name,
    listener: (...args: Client.ClientEvents[Name]) => unknown,
  ): this;
  /** As `on`, for the next time only. */
  once<Name extends keyof Client.ClientEvents>(
    event: Name,
    listener: (...args: Client.ClientEvents[Name]) => unknown,
  ): this;
  /** Removes a listener that `on` or `once` was given; one at a time where it was given several times. */
  off<Name extends keyof Client.ClientEvents>(
    event: Name,
    listener: (...args: Client.ClientEvents[Name]) => unknown,
  ): this;

  /** Queues an event without validating its fields. @throws Error `Your message must be < 32kb.` */
  enqueue(type: string, message: object, callback?: Client.Callback): void;

  /** Events since the last flush. */
  queue: Client.QueueItem[];
  /** The flush under way. */
  pendingFlush: Promise<Client.FlushData | undefined> | null;
  /** Whether events are sent. Cannot be changed. */
  readonly enable: boolean;
  /** May be changed: requests are made with what is set by then. */
  writeKey: string;
  /** Without trailing slashes. May be changed, as `writeKey`. */
  host: string;
  /** Without trailing slashes. May be changed, as `writeKey`. */
  path: string;
  /** Milliseconds, or a text such as `'10s'`; false for the default, 30,000. */
  timeout: number | string | false;
  /** Queued events that trigger a flush. */
  flushAt: number;
  /** Milliseconds from the first queued event to a flush. */
  flushInterval: number;
  /** Queued bytes that trigger a flush. */
  maxQueueSize: number;
  /** False until the first event, which is sent at once. */
  flushed: boolean;
  /** The `NodeJS.Timeout` of the next flush; not called so, lest these types need `@types/node`. */
  timer: object | null | undefined;
  /** As the option; may be set later. */
  errorHandler: ((error: Client.AnalyticsError) => void) | undefined;

  /**
   * Runs `fn`, and gives the calls of this client that it makes, also later on, what they leave out: those of
   * a web request its user, for one. Within another one, `defaults` add to it and win. What a call says itself
   * wins over both (a member that is undefined says nothing); `context` is merged one level deep. Returns what
   * `fn` returns. @throws Error when `defaults` is no object.
   */
  withContext<Result>(defaults: Client.MessageDefaults, fn: () => Result): Result;
  /** Where its events are now, and what became of the others since it was made. */
  stats(): Client.Stats;

  /**
   * Has events pass through plugins from now on. Resolves when they are loaded; one that cannot be is
   * reported with `PLUGIN_FAILED` and left out. @throws Error for what is no plugin.
   */
  register(...plugins: Client.Plugin[]): Promise<void>;
  /** Takes plugins out by their names. Resolves when they are unloaded. */
  deregister(...names: string[]): Promise<void>;

  /** Resolves when the plugins that were registered are loaded; nothing else needs to be waited for. */
  readonly ready: Promise<void>;
  /** The version of this package. */
  readonly VERSION: string;

  /** @throws Error what the method `type` would throw for the message. */
  _validate(message: unknown, type: Client.EventType): void;
  /** As `analytics-node` answers it. Our own retries follow another rule. */
  _isErrorRetryable(error: unknown): boolean;
}

declare namespace Client {
  /** The class is also a property of itself, for `import { Analytics }` and transpiled default imports. */
  export { Client as Analytics, Client as default };

  /** The six calls. */
  export type EventType = 'track' | 'identify' | 'page' | 'screen' | 'group' | 'alias';

  /**
   * Of the constructor. Beyond a bound it throws an Error that names option and bound; `flushAt`, `flushInterval` and
   * `maxQueueSize` are read as leniently as `analytics-node` reads them.
   */
  export interface Options {
    /** Where to send. Default `https://api.segment.io`. Trailing slashes are dropped. */
    host?: string | undefined;
    /** Default `/v1/batch`. Trailing slashes are dropped. */
    path?: string | undefined;
    /** Segment's endpoint for the region, in place of `host`; both only where they agree. Default `us`. */
    region?: 'us' | 'eu' | undefined;
    /** Queued events that trigger a flush. A trigger, not a cap on a batch. Default 20, at least 1. */
    flushAt?: number | undefined;
    /** Milliseconds from the first queued event to a flush. Default 10,000. */
    flushInterval?: number | null | undefined;
    /** Queued bytes that trigger a flush. Default 460,800. */
    maxQueueSize?: number | undefined;
    /** `false` sends nothing; calls are still validated and call back. Default true. */
    enable?: boolean | undefined;
    /** Milliseconds, or a text such as `'10s'`, that one request may take. Default 30,000. */
    timeout?: number | string | false | undefined;
    /** Retries after the first attempt; 0 turns them off. By default only `retryDeadlineMs` bounds them. */
    retryCount?: number | undefined;
    /** Called once for each failed batch and for dropped events; `flush` then resolves nonetheless. Default: none. */
    errorHandler?: ((error: AnalyticsError) => void) | undefined;

    /** The successor's name for `enable: false`. */
    disable?: boolean | undefined;
    /** The successor's name for `retryCount`. */
    maxRetries?: number | undefined;
    /** The successor's name for `timeout`, in milliseconds. */
    httpRequestTimeout?: number | undefined;
    /** The successor's older name for `flushAt`. */
    maxEventsInBatch?: number | undefined;

    /**
     * How long a batch is retried, in milliseconds from its first attempt. Default 60,000. With a `spool`, 14,400,000
     * (4 hours): the batch is then kept nonetheless, and its callbacks get `SPOOL_KEPT`.
     */
    retryDeadlineMs?: number | undefined;
    /** Requests under way at once. Default 1, at least 1; more may deliver events out of order. */
    maxConcurrentRequests?: number | undefined;
    /** Events held in memory: queued, waiting for a retry or in flight. Default 100,000, at least 1. */
    maxBufferedEvents?: number | undefined;
    /** Bytes of their JSON held in memory. Default 67,108,864 (64 MB), at least 32,768. */
    maxBufferedBytes?: number | undefined;
    /** Which event goes when a bound is reached; its callback gets `QUEUE_FULL`. Default `drop-newest`. */
    overflow?: 'drop-newest' | 'drop-oldest' | undefined;
    /**
     * A disk buffer: what was tracked is delivered also after a crash and after a long outage. None by default.
     * Not in edge runtimes.
     */
    spool?: SpoolOptions | undefined;
    /** Milliseconds that a process with nothing else to do is held to deliver the rest. Default 3,000; 0 never. */
    exitDrainMs?: number | undefined;
    /**
     * Flush when the process is asked to end, for at most `exitDrainMs`. `true`: at SIGTERM, SIGINT and
     * SIGHUP; or name the signals. The process then ends as by that signal, unless something else listens to
     * it too: then that decides. Ours until the client is closed. Default false: signals are the program's.
     */
    exitHook?: boolean | readonly `SIG${string}`[] | undefined;
    /**
     * One line for each request, retry, batch that is given up or refused, and drop: to this function, or with
     * `true` to stderr. Default: where `NODE_DEBUG=millrace` says so. Never anything of events, nor the write key.
     */
    debug?: boolean | ((line: string) => void) | undefined;
    /**
     * Compress bodies of 1 KB and more, off the event loop. Default false: Segment takes gzip, but not every server that
     * speaks its protocol does. Not with `httpClient` or `axiosInstance`, which get text.
     */
    gzip?: boolean | undefined;
    /** Sends the requests: an object with `makeRequest`, or a function such as `fetch`. Default: our own. */
    httpClient?: HTTPClient | HTTPFetchFn | undefined;
    /** An axios that sends the requests, as with `analytics-node`; we bring none, and the default is our own transport. */
    axiosInstance?: AxiosLike | undefined;
    /** Merged into each request of `axiosInstance`; only with it. Default: nothing. */
    axiosConfig?: AxiosConfig | undefined;
    /** `retries` and `retryDelay` are used, with or without axios; `retryCondition` is not, as it never was. Default: `retryCount`, and our own delays. */
    axiosRetryConfig?: AxiosRetryConfig | undefined;
    /** OAuth 2.0 in place of the write key in the `Authorization` header. Default: the write key. */
    oauthSettings?: OAuthSettings | undefined;
    /** `context.library.name` and the user-agent. Default `@millrace/node`. */
    libraryName?: string | undefined;
    /** `context.library.version` and the user-agent. Default: the version of this package. */
    libraryVersion?: string | undefined;
  }

  /** A disk buffer, from which events are sent after a crash and after a long outage. */
  export interface SpoolOptions {
    /** A folder on a local disk, made when it is not there. Clients and processes may share it. */
    dir: string;
    /**
     * `never`, the default, leaves it to the system when what was written reaches the disk: the events survive the
     * end of the process, however it ends, but not a power cut. `batch` has each flushed batch synced (`fdatasync`),
     * beside the request and on another thread, so that they survive that too.
     */
    fsync?: 'never' | 'batch' | undefined;
    /** Bytes of the files of one client. Default 1,073,741,824 (1 GB), at least 1,048,576. Beyond: `SPOOL_FULL`. */
    maxBytes?: number | undefined;
  }

  /** Options of the form `new Analytics({ writeKey })`. */
  export interface Settings extends Options {
    /** Of the source that the events belong to. The constructor throws without one. */
    writeKey: string;
  }

  /** A request as an HTTP client of the program is given it. */
  export interface HTTPClientRequest {
    /** Where to. */
    url: string;
    /** Always this. */
    method: 'POST';
    /** Authorization and content type among them. */
    headers: Record<string, string>;
    /** JSON, of at most 500 KB. */
    body: string;
    /** Milliseconds that the answer may take. What comes later is not waited for. */
    httpRequestTimeout: number;
  }

  /** The part of a `Response` that is looked at. */
  export interface HTTPResponse {
    /** Of HTTP. */
    status: number;
    /** The message of the error, where there is one. */
    statusText?: string | undefined;
    /** A `Headers`, or a plain object. */
    headers?: object | undefined;
    /** Read for what a 200 says of single events, and by `oauthSettings` for the token. */
    text?: (() => Promise<string>) | undefined;
  }

  /** Whatever sends requests in place of the built-in transport. */
  export interface HTTPClient {
    /** Rejects when there was no answer; any answer resolves, whatever its status. */
    makeRequest(request: HTTPClientRequest): Promise<HTTPResponse>;
  }

  /** The same as a function, such as `fetch`. */
  export type HTTPFetchFn = (
    url: string,
    init: Omit<HTTPClientRequest, 'httpRequestTimeout'> & {
      /** An `AbortSignal`; not called so, lest these types need others. */
      // oxlint-disable-next-line typescript/no-explicit-any -- see above
      signal: any;
      /** Since what `fetch` makes of a 301 or 302 is a GET without the events. */
      redirect: 'manual';
    },
  ) => Promise<HTTPResponse>;

  /** The part of an axios that is used. */
  export interface AxiosLike {
    /** Called for each attempt, with the body as an object. */
    post(url: string, data: unknown, config: object): PromiseLike<unknown>;
    /** Its `timeout`, in milliseconds, holds unless the client has one. */
    defaults?: { timeout?: number | undefined } | undefined;
  }

  /** Any configuration of axios; these are looked at. */
  export interface AxiosConfig {
    /** In milliseconds; used unless the client has a `timeout` of its own. */
    timeout?: number | undefined;
    /** Sent besides ours. */
    headers?: object | undefined;
    // oxlint-disable-next-line typescript/no-explicit-any -- axios has more, of any type
    [key: string]: any;
  }

  /** Of a configuration of axios-retry, what is used. */
  export interface AxiosRetryConfig {
    /** Retries after the first attempt. */
    retries?: number | undefined;
    /** Milliseconds before the retry of that number, from 1. */
    // oxlint-disable-next-line typescript/no-explicit-any -- axios-retry has it take an AxiosError
    retryDelay?: ((retryNumber: number, error: any) => number) | undefined;
    // oxlint-disable-next-line typescript/no-explicit-any -- axios-retry has more, of any type
    [key: string]: any;
  }

  /** OAuth 2.0 with a key pair. */
  export interface OAuthSettings {
    /** The id of the OAuth app. */
    clientId: string;
    /** Its private RSA key, as PEM (PKCS #8). Read at the first request. */
    clientKey: string;
    /** The id of the public key that belongs to it. */
    keyId: string;
    /** Where tokens are had from: `<authServer>/token`. Default `https://oauth2.segment.io`. */
    authServer?: string | undefined;
    /** Default `tracking_api:write`. */
    scope?: string | undefined;
    /** Tries again within one attempt to send, at least 0. Default: `maxRetries` of the client, else 3. */
    maxRetries?: number | undefined;
    /** Sends the requests for tokens. Default: what sends the events. */
    httpClient?: HTTPClient | undefined;
  }

  /** Of `flush`. */
  export interface FlushOptions {
    /** Milliseconds, or a text such as `'10s'`, until the flush rejects with `FLUSH_TIMEOUT`. Default: none. */
    timeout?: number | string | undefined;
    /** Drop what is tracked from now on with `CLIENT_CLOSED`, and close the connections. Default false. */
    close?: boolean | undefined;
  }

  /** The properties of each event by its name; `undefined` for an event without any. */
  export type EventMap<Events> = { [Name in keyof Events]: object | null | undefined };

  /** No declared events: any name, any properties. */
  // So that a client with declared events can be passed where any client will do.
  // oxlint-disable-next-line typescript/no-explicit-any -- see above
  export type AnyEvents = any;

  /** The names of the declared events. */
  export type EventName<Events> = keyof Events & string;

  /** `properties` may be absent where none of them is required. */
  export type PropertiesOf<Events, Name extends keyof Events> = 0 extends 1 & Events
    ? { properties?: object | null | undefined }
    : {} extends Events[Name]
      ? { properties?: Events[Name] | null | undefined }
      : Events[Name] extends object
        ? { properties: Events[Name] }
        : { properties?: Events[Name] | null | undefined };

  /** Whom a call is about: at least one of the two. `0` and the empty text are refused at run time, as absent. */
  export type Identity =
    | { userId?: string | number | null | undefined; anonymousId: string | number }
    | { userId: string | number; anonymousId?: string | number | null | undefined };

  /** Where the user may come from `withContext`. A call that has none there either throws. */
  export interface OptionalIdentity {
    /** Who it is, where it is known. */
    userId?: string | number | null | undefined;
    /** A name for somebody unknown, such as a session's. */
    anonymousId?: string | number | null | undefined;
  }

  /**
   * A client whose calls may leave their user to `withContext`:
   * `const analytics: Analytics.InContext<Events> = new Analytics('WRITE_KEY')`.
   */
  export type InContext<Events extends EventMap<Events> = AnyEvents, Traits extends object = object> = Client<
    Events,
    Traits,
    OptionalIdentity
  >;

  /** What every call may say. An event of 32,768 bytes of JSON or more is refused. */
  export interface Common {
    /** Where it happened: `ip`, `userAgent`, `page`, `locale` … Beside it goes `library`. */
    context?: object | null | undefined;
    /** Which destinations the event is for: `{ All: false, Mixpanel: true }`. Default: all. */
    integrations?: object | null | undefined;
    /**
     * When it happened, for what is long past. Default: the time of the call. A text (ISO 8601) is taken by a client
     * that is made from an object, as by `@segment/analytics-node`; any other throws.
     */
    timestamp?: Date | string | null | undefined;
    /** By which a server knows a duplicate. Default: a random one. */
    messageId?: string | null | undefined;
    /** Keys that the Segment spec does not have are sent as they are. */
    // Not `unknown`, which no interface of a program could be assigned to.
    // oxlint-disable-next-line typescript/no-explicit-any -- see above
    [key: string]: any;
  }

  /** What `track` takes for the event `Name`. */
  export type MessageOfEvent<Events, Name extends keyof Events, Who = Identity> = Common &
    Who & {
      /** What was done, as `Order Completed`. Not empty. */
      event: Name;
    } & PropertiesOf<Events, Name>;
  /** What `track` takes, for any of the events. */
  export type TrackMessage<Events extends EventMap<Events> = AnyEvents, Who = Identity> = {
    [Name in EventName<Events>]: MessageOfEvent<Events, Name, Who>;
  }[EventName<Events>];
  /** What `identify` takes. */
  export type IdentifyMessage<Traits extends object = object, Who = Identity> = Common &
    Who & {
      /** What is known of the user. */
      traits?: Traits | null | undefined;
    };
  /** What `page` and `screen` take. */
  export type PageMessage<Who = Identity> = Common &
    Who & {
      /** Of the page or screen. */
      name?: string | null | undefined;
      /** Of pages or screens like this one. */
      category?: string | null | undefined;
      /** What else is to be known of it, such as `url`. */
      properties?: object | null | undefined;
    };
  /** What `group` takes. */
  export type GroupMessage<Who = Identity> = Common &
    Who & {
      /** Of the group, such as an account. Not empty, not 0. */
      groupId: string | number;
      /** What is known of the group. */
      traits?: object | null | undefined;
    };
  /** What `alias` takes. */
  export type AliasMessage = Common & {
    /** From now on. Not empty, not 0. */
    userId: string | number;
    /** Until now, such as an anonymousId. Not empty, not 0. */
    previousId: string | number;
  };

  /** The name that `@segment/analytics-node` has for what `track` takes. */
  export type TrackParams = TrackMessage;
  /** Its name for what `identify` takes. */
  export type IdentifyParams = IdentifyMessage;
  /** Its name for what `page` and `screen` take. */
  export type PageParams = PageMessage;
  /** Its name for what `group` takes. */
  export type GroupParams = GroupMessage;
  /** Its name for what `alias` takes. */
  export type AliasParams = AliasMessage;
  /** Its name for the options of the form `new Analytics({ writeKey })`. */
  export type AnalyticsSettings = Settings;
  /** Its name for the traits of a user. */
  export type UserTraits = object;
  /** Its name for the traits of a group. */
  export type GroupTraits = object;
  /** Its name for the second argument of an {@link HTTPFetchFn}. */
  export type HTTPFetchRequest = Parameters<HTTPFetchFn>[1];

  /** What callbacks, `errorHandler`, the listeners of `error` and a rejected `flush` are given. */
  export interface AnalyticsError extends Error {
    /** `HTTP_<status>`, `QUEUE_FULL`, `FLUSH_TIMEOUT`, `CLIENT_CLOSED`, or the system's (`ECONNREFUSED` …). */
    code: string;
    /** The refusing answer, where there was one. */
    response?: { status: number; statusText: string };
    /** With `FLUSH_TIMEOUT`: events that were delivered, of those that the flush covers. */
    sentCount?: number;
    /** With `FLUSH_TIMEOUT`: events that are still queued, retried or in flight. */
    remainingCount?: number;
  }

  /** What was sent, once it was delivered or given up. */
  export interface FlushData {
    /** The events as they were sent; built when it is first read. */
    batch: unknown[];
    /** When the first request was made. */
    timestamp: Date;
    /** When the last attempt was made. */
    sentAt: Date;
  }

  /** What the calls within a `withContext` share. */
  export interface MessageDefaults {
    /** Who it is, where it is known. */
    readonly userId?: string | number | null | undefined;
    /** A name for somebody unknown, such as a session's. */
    readonly anonymousId?: string | number | null | undefined;
    /** Merged with that of a call, one level deep. */
    readonly context?: object | null | undefined;
    /** Which destinations the events are for, where a call does not say. */
    readonly integrations?: object | null | undefined;
    // As in Common.
    // oxlint-disable-next-line typescript/no-explicit-any -- see above
    readonly [key: string]: any;
  }

  /** Counts are of events, unless said otherwise; sizes are of their JSON, in bytes. */
  export interface Stats {
    /** In plugins, or behind one that is. */
    inPluginsCount: number;
    /** Of those. */
    inPluginsBytes: number;
    /** Queued, or waiting for a request. */
    queuedCount: number;
    /** Of those; with a spool only of what is in memory. */
    queuedBytes: number;
    /** In a request, or in one that will be retried. */
    inFlightCount: number;
    /** Of those. */
    inFlightBytes: number;
    /** That the server took. */
    deliveredCount: number;
    /** That were sent and given up, or refused by the server, by code. */
    failedCounts: Readonly<Record<string, number>>;
    /** That were never sent, by code. */
    droppedCounts: Readonly<Record<string, number>>;
    /** Requests that were answered or failed, retries included. */
    requestCount: number;
    /** Requests that were made again. */
    retryCount: number;
    /** Where there is one. */
    spool?: SpoolStats;
  }

  /** What the disk buffer of a client holds; a part of `stats()`. */
  export interface SpoolStats {
    /** Events that were neither delivered nor given up: on the disk unless it fails. */
    eventCount: number;
    /** Of the files, and of what is about to be written. */
    bytes: number;
    /** Events that dead clients left, and that this one took over. */
    adoptedCount: number;
    /** Events that were moved to `rejected/`. */
    rejectedCount: number;
    /** Whether the disk takes events; if not they are in memory only. */
    isAvailable: boolean;
  }

  /** What the listeners of {@link Client.on} are given, by event. */
  export type ClientEvents = {
    /** A batch failed for good, or events were dropped: once for each batch, or each tick. */
    error: [error: AnalyticsError];
    /** A flush that was asked for has ended, with its first error if it has one. Not one of nothing. */
    flush: [data: FlushData | undefined, error: AnalyticsError | undefined];
    /** A call was refused because the client is closed; the event as it would have been sent. */
    call_after_close: [event: SentEvent];
    /** Nothing is left: each event that was accepted has met its end. */
    drained: [];
    /** Before each attempt. It holds the write key, and whatever the events hold. */
    http_request: [request: HttpRequest];
    /** After each attempt that was answered. */
    http_response: [response: HttpResponse];
    /** Plugins were registered, and are loaded. */
    register: [pluginNames: string[]];
    /** Plugins were taken out, and are unloaded. */
    deregister: [pluginNames: string[]];
  } & {
    /** An event of that type was delivered; after its callback. */
    [Type in EventType]: [ctx: Context];
  };

  /** What the listeners of `http_request` are given. */
  export interface HttpRequest {
    /** Where to. */
    url: string;
    /** `POST`. */
    method: string;
    /** The write key among them. */
    headers: Readonly<Record<string, string>>;
    /** JSON, before it is compressed. */
    body: string;
  }

  /** What the listeners of `http_response` are given. */
  export interface HttpResponse {
    /** Of HTTP. */
    status: number;
    /** Such as `Bad Request`. */
    statusText: string;
    /** Of the request. */
    url: string;
    /** Of the request. */
    body: string;
    /** Of the answer, only `retry-after`. */
    headers: Readonly<Record<string, string>>;
  }

  /** An event, for plugins and for listeners. Made by the library only. */
  export interface Context {
    /** As it will go, or went, over the wire. A plugin may change it, or put another in its place. */
    event: SentEvent;
    /**
     * Sets the value at a path such as `properties.plan`, with the objects that it needs on the way. An
     * integration that the event switches off stays off. Returns the event.
     */
    updateEvent(path: string, value: unknown): SentEvent;
    /** Drops the event with the code `CANCELLED_BY_PLUGIN`. Throws always, which ends the plugin too. */
    cancel(reason?: string | Error): never;
  }

  /**
   * `before`, then `enrichment`, change events or cancel them. The others look on: `destination` at the
   * event as it will be sent, `after` once it is delivered; `utility` is only loaded.
   */
  export type PluginType = 'before' | 'enrichment' | 'destination' | 'after' | 'utility';

  /**
   * Its methods are named after the calls that they are for, and may be asynchronous. An event waits for
   * each of them for at most 10,000 ms. One that throws, takes longer, or leaves an event of 32 KB or none
   * is reported with `PLUGIN_FAILED`, and the event goes on as it was before that method.
   */
  export interface Plugin extends PluginHooks {
    /** For `deregister` and in reports. Not empty. */
    name: string;
    /** When it is called. */
    type: PluginType;
    /** Of a `destination`: other names by which the event's `integrations` may exclude it. */
    alternativeNames?: string[] | undefined;
    /** Not used. */
    version?: string | undefined;
    /** Not asked: events wait for `load`. */
    isLoaded?: (() => boolean) | undefined;
    /** Called once, at `register`. Events that are tracked meanwhile wait for it, for at most 10,000 ms. */
    load?: ((ctx: Context, analytics: Client) => unknown) | undefined;
    /** Called once, at `deregister`. */
    unload?: ((ctx: Context, analytics: Client) => unknown) | undefined;
  }

  /** By type of event; what a hook returns is awaited where it is a promise, and nothing else. */
  export type PluginHooks = { [Type in EventType]?: ((ctx: Context) => unknown) | undefined };

  /** An event with what every event gets (`type`, `messageId`, `context.library` …). */
  export interface SentEvent {
    // As in Common.
    // oxlint-disable-next-line typescript/no-explicit-any -- see above
    [key: string]: any;
  }

  /** Called once, when the event, or all that a flush covers, is delivered or given up. */
  export type Callback = (error?: AnalyticsError, data?: FlushData) => void;

  /** One that a program puts into `queue` itself is sent too. */
  export interface QueueItem {
    /** The event, as it will be sent. */
    message?: unknown;
    /** Of the call. */
    callback?: Callback | undefined;
  }
}

declare global {
  interface SymbolConstructor {
    /** As TypeScript's own library has it, for programs with an older `lib` and without `@types/node`. */
    readonly asyncDispose: unique symbol;
  }
}

export = Client;
