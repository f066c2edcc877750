import { faultOfCall, NOT_AN_OBJECT, type EventType } from '@millrace/spec';
import { soon, systemClock } from './clock.ts';
import { tellOfDelivered } from './delivered.ts';
import { parseDurationMs } from './duration.ts';
import { Emitter } from './emitter.ts';
import { callProgram, usageError, type AnalyticsError } from './errors.ts';
import type { ClientEvents } from './events.ts';
import { drainAtExit, drainAtSignals, forgetAtExit, type Drainable } from './exit.ts';
import type { FlushOptions } from './flush.ts';
import { Flushes } from './flushes.ts';
import { isRetryableToAnalyticsNode } from './legacy-retryable.ts';
import { createMessageIds } from './message-id.ts';
import { flushTimeoutMs, resolveOptions } from './options.ts';
import type { AnalyticsOptions, AnalyticsSettings, ResolvedOptions } from './options.ts';
import { Outbox, type Stats } from './outbox.ts';
import { parseMessage, type Callback, type FlushData, type OutgoingEvent } from './outgoing.ts';
import { toBase64 } from './platform.ts';
import type { Plugin } from './plugins/plugin.ts';
import type { QueueItem } from './queue.ts';
import { createSerialiser, type Serialise } from './serialise.ts';
import { bindMethods, withDateOfText } from './settings-form.ts';
import type { OutgoingRequest } from './transport/transport.ts';
import { LIBRARY_VERSION } from './version.ts';
import { CallContext, type MessageDefaults } from './with-context.ts';

/**
 * An answer that comes after it was given up makes a duplicate, so it is long: a server that syncs a
 * disk under load takes seconds. Yet half of the time for retries, so that a connection that went
 * dead without a word is noticed while there is time for another.
 */
const DEFAULT_TIMEOUT_MS = 30_000;

type ErrorListener = (error: AnalyticsError) => void;

/** A client. Public fields and methods are those of `analytics-node` 6.2, and may be used as they were there. */
export class Analytics {
  /** Events since the last flush, as `{message, callback}`. */
  declare queue: QueueItem[];
  /** Whether events are sent at all. */
  declare readonly enable: boolean;
  /** This and what follows may be changed: it is read when it is needed. */
  writeKey: string;
  /** Without trailing slashes. */
  host: string;
  /** Without trailing slashes. */
  path: string;
  /** Milliseconds that one request may take, or a text such as `'10s'`; false for the default. */
  timeout: number | string | false;
  /** Queued events that trigger a flush. */
  flushAt: number;
  /** Milliseconds from the first queued event to a flush. */
  flushInterval: number;
  /** Queued bytes that trigger a flush. */
  maxQueueSize: number;
  /** Called once for each failed batch and for dropped events. */
  errorHandler: ErrorListener | undefined;
  /** False until the first event, which is sent at once. */
  flushed = false;
  /** Of the next flush. */
  timer: NodeJS.Timeout | null | undefined;
  #options: ResolvedOptions;
  #serialise: Serialise;
  #emitter = new Emitter<ClientEvents>();
  #outbox: Outbox;
  #flushes: Flushes;
  #atExit: Drainable;
  #ignoreSignals: () => void;
  #closed = false;
  /** Undefined until the first `withContext`. */
  #context: CallContext | undefined;

  /**
   * @throws Error `You must pass your Segment project's write key.`, and for an option out of bounds.
   */
  constructor(writeKey: string | AnalyticsSettings, options?: AnalyticsOptions) {
    const resolved = resolveOptions(writeKey, options);
    this.writeKey = resolved.writeKey;
    this.host = resolved.host;
    this.path = resolved.path;
    this.timeout = resolved.timeout;
    this.flushAt = resolved.flushAt;
    this.flushInterval = resolved.flushInterval;
    this.maxQueueSize = resolved.maxQueueSize;
    this.errorHandler = resolved.errorHandler;
    Object.defineProperty(this, 'enable', { value: resolved.enable, enumerable: true });
    Object.defineProperty(this, 'queue', {
      get: () => this.#outbox.queue.items,
      set: (items: QueueItem[]) => {
        this.#outbox.queue.items = items;
      },
      enumerable: true,
      configurable: true,
    });

    const clock = systemClock();
    const library = { name: resolved.libraryName, version: resolved.libraryVersion };
    this.#options = resolved;
    this.#serialise = createSerialiser(library, createMessageIds(), clock.nowMs);
    this.#outbox = new Outbox({
      options: resolved,
      clock,
      emitter: this.#emitter,
      writeKey: () => this.writeKey,
      request: () => this.#request(),
      onError: (error) => this.#report(error),
      onQueued: () => this.#flushes.ifTriggered(),
      onAdopted: () => drainAtExit(this.#atExit),
      onPressed: () => this.#flushes.inBackground(),
      onSettled: (settled) => tellOfDelivered(settled, this.#emitter, this.#outbox.plugins?.registry),
      onIdle: () => {
        forgetAtExit(this.#atExit);
        if (this.#closed) this.#outbox.close();
        this.#emitter.emit('drained');
      },
    });
    this.#atExit = { exitDrainMs: resolved.exitDrainMs, flush: (options) => this.#drain(options) };
    this.#ignoreSignals = drainAtSignals(this.#atExit, resolved.exitHook);
    // oxlint-disable typescript/unbound-method -- only compared
    const isPlain = this.flush === OWN.flush.value;
    if (resolved.isSettingsForm) bindMethods(this);
    this.#flushes = new Flushes(this, this.#outbox, isPlain ? this.flush : OWN.flush.value);
    // oxlint-enable typescript/unbound-method
  }

  /** Ties a user to traits. @throws Error when the message is not valid. */
  identify(message: object, callback?: Callback): this {
    return this.#call('identify', message, callback);
  }

  /** Ties a user to a group. @throws Error when the message is not valid. */
  group(message: object, callback?: Callback): this {
    return this.#call('group', message, callback);
  }

  /** Records something that a user did. @throws Error when the message is not valid. */
  track(message: object, callback?: Callback): this {
    return this.#call('track', message, callback);
  }

  /** Records a page view. @throws Error when the message is not valid. */
  page(message: object, callback?: Callback): this {
    return this.#call('page', message, callback);
  }

  /** Records a view of an app's screen. @throws Error when the message is not valid. */
  screen(message: object, callback?: Callback): this {
    return this.#call('screen', message, callback);
  }

  /** Ties two ids of one user together. @throws Error when the message is not valid. */
  alias(message: object, callback?: Callback): this {
    return this.#call('alias', message, callback);
  }

  /** Validates, also when disabled. @throws Error in the words of `analytics-node`. */
  #call(type: EventType, given: object, callback: Callback | undefined): this {
    const message = this.#context ? this.#context.complete(given) : given;
    // `enqueue` measures the bytes that it makes, so all but a program's own validation can leave the size to it.
    if (this._validate === OWN._validate.value) this.#validateFields(message, type);
    else this._validate(message, type);
    this.enqueue(type, message, callback);
    return this;
  }

  /** @throws Error what the method `type` would throw for the message. */
  _validate(message: unknown, type: EventType): void {
    this.#validateFields(message, type);
    this.#serialise(type, message as object);
  }

  #validateFields(message: unknown, type: EventType): void {
    const fault = faultOfCall(type, this.#options.isSettingsForm ? withDateOfText(message) : message);
    if (fault === undefined) return;
    // Size comes before the fields in the order of analytics-node.
    if (fault !== NOT_AN_OBJECT) this.#serialise(type, message as object);
    throw usageError(fault);
  }

  /**
   * Queues an event without validating its fields, and flushes when it is time to.
   * @throws Error `Your message must be < 32kb.`
   */
  enqueue(type: string, message: object, callback?: Callback): void {
    const wire = this.#serialise(type, message);
    const done = typeof callback === 'function' ? callback : undefined;
    if (!this.enable) {
      if (done) soon(callProgram, () => done());
      return;
    }
    const event: OutgoingEvent = { json: wire.json, bytes: wire.bytes, callback: done };
    if (this.#closed) this.#refuseAfterClose(event);
    else if (this.#outbox.add(type, event)) drainAtExit(this.#atExit);
  }

  #refuseAfterClose(event: OutgoingEvent): void {
    this.#outbox.drop(event, 'CLIENT_CLOSED');
    if (this.#emitter.has('call_after_close')) {
      this.#emitter.emit('call_after_close', parseMessage(event.json));
    }
  }

  /**
   * Sends all that is queued. Resolves with `{batch, timestamp, sentAt}` when everything that was
   * queued or in flight at the call is settled and its callbacks have run; with undefined when there
   * was nothing, or the client is disabled. Rejects with the first error of a batch, unless there is
   * an `errorHandler` to have it; later batches are sent nonetheless. With `timeout` it rejects with
   * `FLUSH_TIMEOUT` and counts, and what remains stays queued. A rejection that nobody handles is
   * not reported as such.
   * @throws Error when `timeout` is no duration.
   */
  flush(how?: Callback | FlushOptions | null): Promise<FlushData | undefined> {
    const callback = typeof how === 'function' ? how : undefined;
    const options: FlushOptions = typeof how === 'object' && how !== null ? how : {};
    const timeoutMs = flushTimeoutMs(options.timeout);
    if (options.close) {
      this.#closed = true;
      this.#outbox.end();
    }
    const end = (): void => {
      if (!options.close) return;
      this.#outbox.close();
      this.#ignoreSignals();
    };
    const flush = this.#flushes.flush({
      timeoutMs,
      callback,
      onSettled: (data, error) => {
        end();
        this.#emitter.emit('flush', data, error);
      },
      onTimeout: () => {
        if (!options.close) return;
        forgetAtExit(this.#atExit);
        this.#ignoreSignals();
      },
    });
    if (flush) return flush;
    if (callback) soon(callProgram, () => callback());
    end();
    return Promise.resolve(undefined);
  }

  /** The last flush that is not over, be it asked for or not; null when there is none. */
  get pendingFlush(): Promise<FlushData | undefined> | null {
    return this.#flushes.pending;
  }

  set pendingFlush(flush: Promise<FlushData | undefined> | null) {
    this.#flushes.pending = flush;
  }

  /** Drops what is tracked from now on and flushes the rest. Called again, it waits for the same. */
  closeAndFlush(options: Pick<FlushOptions, 'timeout'> = {}): Promise<FlushData | undefined> {
    return this.flush({ ...options, close: true });
  }

  /** `closeAndFlush()`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.closeAndFlush();
  }

  /** Calls `listener` with what {@link ClientEvents} says. What it throws surfaces on the next tick. */
  on<Name extends keyof ClientEvents>(event: Name, listener: (...args: ClientEvents[Name]) => unknown): this {
    this.#emitter.on(event, listener);
    return this;
  }

  /** As `on`, for the next time only. */
  once<Name extends keyof ClientEvents>(
    event: Name,
    listener: (...args: ClientEvents[Name]) => unknown,
  ): this {
    this.#emitter.on(event, listener, true);
    return this;
  }

  /** Removes a listener that `on` or `once` was given; one at a time where it was given several times. */
  off<Name extends keyof ClientEvents>(
    event: Name,
    listener: (...args: ClientEvents[Name]) => unknown,
  ): this {
    this.#emitter.off(event, listener);
    return this;
  }

  /**
   * Runs `fn`, and gives the calls of this client that it makes, also later on, what they leave out. Within
   * another one, `defaults` add to it and win. What a call says itself wins over both; `context` is merged.
   * @returns what `fn` returns.
   * @throws Error when `defaults` is no object.
   */
  withContext<Result>(defaults: MessageDefaults, fn: () => Result): Result {
    if (typeof fn !== 'function')
      throw usageError('withContext needs a function to run, as its second argument.');
    this.#context ??= new CallContext();
    return this.#context.run(defaults, fn);
  }

  /** Where its events are now, and what became of the others since it was made. */
  stats(): Stats {
    return this.#outbox.stats;
  }

  /**
   * Has events pass through plugins from now on. Resolves when they are loaded; one that cannot be is
   * reported with `PLUGIN_FAILED` and left out.
   * @throws Error for what is no plugin.
   */
  register(...plugins: Plugin[]): Promise<void> {
    const names = plugins.map((plugin) => plugin?.name);
    const loaded = this.#outbox.pluginsOf(this).registry.register(plugins);
    return loaded.then(() => this.#emitter.emit('register', names));
  }

  /** Takes plugins out by their names. Resolves when they are unloaded. */
  async deregister(...names: string[]): Promise<void> {
    await this.#outbox.plugins?.registry.deregister(names);
    this.#emitter.emit('deregister', names);
  }

  /** Resolves when the plugins that were registered are loaded; nothing else needs to be waited for. */
  get ready(): Promise<void> {
    return this.#outbox.plugins?.registry.loaded() ?? Promise.resolve();
  }

  /** The version of this package. */
  get VERSION(): string {
    return LIBRARY_VERSION;
  }

  /** As `analytics-node` answers it. Our own retries follow another rule. */
  _isErrorRetryable(error: unknown): boolean {
    return isRetryableToAnalyticsNode(error);
  }

  /** A flush that nobody awaits: what is left when its time is over is lost with the process. */
  async #drain(options: { timeout: number }): Promise<unknown> {
    try {
      return await this.flush(options);
    } catch (error) {
      if ((error as AnalyticsError).code === 'FLUSH_TIMEOUT') this.#report(error as AnalyticsError);
      throw error;
    }
  }

  #request(): Omit<OutgoingRequest, 'body'> {
    const { libraryName, libraryVersion } = this.#options;
    return {
      url: `${this.host}${this.path}`,
      headers: {
        authorization: `Basic ${toBase64(`${this.writeKey}:`)}`,
        'user-agent': `${libraryName}/${libraryVersion}`,
      },
      timeoutMs: parseDurationMs(this.timeout) ?? DEFAULT_TIMEOUT_MS,
    };
  }

  #report(error: AnalyticsError): void {
    if (typeof this.errorHandler === 'function') callProgram(() => this.errorHandler?.(error));
    this.#emitter.emit('error', error);
  }
}

/** Its methods as they are unless a program replaces them, on a client or, as a test may, on the prototype. */
const OWN = Object.getOwnPropertyDescriptors(Analytics.prototype);
