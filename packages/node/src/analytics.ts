import { faultOfCall, NOT_AN_OBJECT, type EventType } from '@millrace/spec';
import { MAX_TIMER_MS, soon, systemClock } from './clock.ts';
import { Delivery } from './delivery.ts';
import { parseDurationMs } from './duration.ts';
import { Emitter } from './emitter.ts';
import { callProgram, usageError, type AnalyticsError } from './errors.ts';
import type { ClientEvents } from './events.ts';
import { drainAtExit, drainAtSignals, forgetAtExit, type Drainable } from './exit.ts';
import { flushed, type FlushOptions, type Waiting } from './flush.ts';
import { isRetryableToAnalyticsNode } from './legacy-retryable.ts';
import { Liveness } from './liveness.ts';
import { MemoryBacklog } from './memory-backlog.ts';
import { createMessageIds } from './message-id.ts';
import { flushTimeoutMs, resolveOptions } from './options.ts';
import type { AnalyticsOptions, AnalyticsSettings, ResolvedOptions } from './options.ts';
import { parseMessage, type Callback, type FlushData } from './outgoing.ts';
import { EventQueue, type QueueItem } from './queue.ts';
import { Refusals } from './refusals.ts';
import { createSerialiser, type Serialise } from './serialise.ts';
import { bindMethods, withDateOfText } from './settings-form.ts';
import { Settlement } from './settlement.ts';
import { createTransport } from './transport/create-transport.ts';
import type { OutgoingRequest, Transport } from './transport/transport.ts';
import { LIBRARY_VERSION } from './version.ts';

/** So that a server that never answers cannot hold the queue. The default of @segment/analytics-node. */
const DEFAULT_TIMEOUT_MS = 10_000;

type ErrorListener = (error: AnalyticsError) => void;

/** A client. Public fields and methods are those of `analytics-node` 6.2, and may be used as they were there. */
export class Analytics {
  /** Events since the last flush, as `{message, callback}`. */
  declare queue: QueueItem[];
  /** Whether events are sent at all. */
  declare readonly enable: boolean;
  writeKey: string;
  host: string;
  path: string;
  timeout: number | string | false;
  flushAt: number;
  flushInterval: number;
  maxQueueSize: number;
  errorHandler: ErrorListener | undefined;
  /** False until the first event, which is sent at once. */
  flushed = false;
  timer: NodeJS.Timeout | null | undefined;
  #options: ResolvedOptions;
  #queue = new EventQueue();
  #serialise: Serialise;
  #liveness: Liveness;
  #transport: Transport;
  #settlement: Settlement;
  #delivery: Delivery;
  #refusals: Refusals;
  #emitter = new Emitter<ClientEvents>();
  #atExit: Drainable;
  #ignoreSignals: () => void;
  #flushingInBackground = false;
  #pendingFlush: Promise<FlushData | undefined> | null = null;
  #closed = false;

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
      get: () => this.#queue.items,
      set: (items: QueueItem[]) => {
        this.#queue.items = items;
      },
      enumerable: true,
      configurable: true,
    });

    const clock = systemClock();
    const library = { name: resolved.libraryName, version: resolved.libraryVersion };
    const onError = (error: AnalyticsError): void => this.#report(error);
    this.#options = resolved;
    this.#serialise = createSerialiser(library, createMessageIds(), clock.nowMs);
    this.#liveness = new Liveness(clock);
    this.#transport = createTransport(this.#liveness, clock);
    this.#refusals = new Refusals(onError);
    this.#settlement = new Settlement(() => this.#forgetIfIdle());
    this.#delivery = new Delivery({
      transport: this.#transport,
      backlog: new MemoryBacklog(),
      settlement: this.#settlement,
      liveness: this.#liveness,
      clock,
      random: Math.random,
      bounds: { retryCount: resolved.retryCount ?? Infinity, deadlineMs: resolved.retryDeadlineMs },
      maxConcurrentRequests: resolved.maxConcurrentRequests,
      request: () => this.#request(),
      onError,
    });
    this.#atExit = { exitDrainMs: resolved.exitDrainMs, flush: (options) => this.#drain(options) };
    this.#ignoreSignals = drainAtSignals(this.#atExit, resolved.exitHook);
    if (resolved.isSettingsForm) bindMethods(this);
  }

  identify(message: object, callback?: Callback): this {
    return this.#call('identify', message, callback);
  }

  group(message: object, callback?: Callback): this {
    return this.#call('group', message, callback);
  }

  track(message: object, callback?: Callback): this {
    return this.#call('track', message, callback);
  }

  page(message: object, callback?: Callback): this {
    return this.#call('page', message, callback);
  }

  screen(message: object, callback?: Callback): this {
    return this.#call('screen', message, callback);
  }

  alias(message: object, callback?: Callback): this {
    return this.#call('alias', message, callback);
  }

  /** Validates, also when disabled. @throws Error in the words of `analytics-node`. */
  #call(type: EventType, message: object, callback: Callback | undefined): this {
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
    if (this.#closed) {
      if (this.#emitter.has('call_after_close')) {
        this.#emitter.emit('call_after_close', parseMessage(wire.json));
      }
      return this.#refusals.refuse('CLIENT_CLOSED', done);
    }
    if (!this.#makeRoom(wire.bytes)) return this.#refusals.refuse('QUEUE_FULL', done);
    this.#queue.push({ json: wire.json, bytes: wire.bytes, callback: done });
    drainAtExit(this.#atExit);

    const isFirst = !this.flushed;
    this.flushed = true;
    if (isFirst || this.#queue.count >= this.flushAt || this.#queue.bytes >= this.maxQueueSize) {
      this.#flushInBackground();
    } else if (this.flushInterval && !this.timer) {
      this.timer = setTimeout(() => this.#flushInBackground(), Math.min(this.flushInterval, MAX_TIMER_MS));
      // In tests it may be a fake one, or that of jsdom, which is a number.
      (this.timer as Partial<NodeJS.Timeout>).unref?.();
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
    if (options.close) this.#closed = true;
    const end = (): void => {
      if (!options.close) return;
      this.#transport.close();
      this.#ignoreSignals();
    };
    this.#send();
    if (this.#settlement.openCount === 0) {
      if (callback) soon(callProgram, () => callback());
      end();
      return Promise.resolve(undefined);
    }
    return this.#pend({
      timeoutMs,
      callback,
      holdsProcess: !this.#flushingInBackground,
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
  }

  /**
   * The last flush that is not over, null when there is none. What is sent unasked gets a promise only
   * when somebody reads this: one for each twenty events, and a fence behind it, would cost as much as
   * the events.
   */
  get pendingFlush(): Promise<FlushData | undefined> | null {
    if (this.#pendingFlush === null && this.#settlement.openCount > 0) {
      return this.#pend({ holdsProcess: false });
    }
    return this.#pendingFlush;
  }

  set pendingFlush(flush: Promise<FlushData | undefined> | null) {
    this.#pendingFlush = flush;
  }

  /** Drops what is tracked from now on and flushes the rest. Called again, it waits for the same. */
  closeAndFlush(options: Pick<FlushOptions, 'timeout'> = {}): Promise<FlushData | undefined> {
    return this.flush({ ...options, close: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.closeAndFlush();
  }

  /** Calls `listener` with what {@link ClientEvents} says. What it throws surfaces on the next tick. */
  on<Name extends keyof ClientEvents>(event: Name, listener: (...args: ClientEvents[Name]) => unknown): this {
    this.#emitter.on(event, listener);
    return this;
  }

  once<Name extends keyof ClientEvents>(
    event: Name,
    listener: (...args: ClientEvents[Name]) => unknown,
  ): this {
    this.#emitter.on(event, listener, true);
    return this;
  }

  off<Name extends keyof ClientEvents>(
    event: Name,
    listener: (...args: ClientEvents[Name]) => unknown,
  ): this {
    this.#emitter.off(event, listener);
    return this;
  }

  /** Resolves when the plugins that were registered are loaded; nothing else needs to be waited for. */
  get ready(): Promise<void> {
    return Promise.resolve();
  }

  /** The version of this package. */
  get VERSION(): string {
    return LIBRARY_VERSION;
  }

  /** As `analytics-node` answers it. Our own retries follow another rule. */
  _isErrorRetryable(error: unknown): boolean {
    return isRetryableToAnalyticsNode(error);
  }

  /** Through the public method where a program has replaced it; whatever that returns is nobody's rejection. */
  #flushInBackground(): void {
    if (this.flush === OWN.flush.value) return this.#send();
    this.#flushingInBackground = true;
    try {
      Promise.resolve(this.flush() as unknown).catch(() => undefined);
    } finally {
      this.#flushingInBackground = false;
    }
  }

  /** Hands all that is queued to delivery. */
  #send(): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    if (!this.enable) return;
    const events = this.#queue.take((done, error) => {
      this.#report(error);
      if (done) soon(callProgram, () => done(error));
    });
    this.#delivery.add(events);
  }

  /** A promise for all that is open now. */
  #pend(waiting: Omit<Waiting, 'errorsAreHandled'>): Promise<FlushData | undefined> {
    const errorsAreHandled = (): boolean => typeof this.errorHandler === 'function';
    const flush = flushed(this.#settlement, this.#liveness, { ...waiting, errorsAreHandled });
    this.#pendingFlush = flush;
    // Awaiters see a rejection all the same, but one that nobody awaits must not end the process.
    const forget = (): void => {
      if (this.#pendingFlush === flush) this.#pendingFlush = null;
    };
    flush.then(forget, forget);
    return flush;
  }

  /** Whether an event may be held besides what is held already, as `overflow` says. */
  #makeRoom(bytes: number): boolean {
    if (!this.#isFullWith(bytes)) return true;
    // Room comes from delivery; and only what is flushed can be the oldest.
    if (this.#queue.count > 0) this.#flushInBackground();
    while (this.#options.overflow === 'drop-oldest' && this.#isFullWith(bytes)) {
      if (!this.#delivery.dropOldest(this.#refusals.error('QUEUE_FULL'))) return false;
    }
    return !this.#isFullWith(bytes);
  }

  #isFullWith(bytes: number): boolean {
    const { maxBufferedEvents, maxBufferedBytes } = this.#options;
    return (
      this.#queue.count + this.#delivery.count >= maxBufferedEvents ||
      this.#queue.bytes + this.#delivery.bytes + bytes > maxBufferedBytes
    );
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

  #forgetIfIdle(): void {
    if (this.#queue.count > 0) return;
    forgetAtExit(this.#atExit);
    this.#emitter.emit('drained');
  }

  #request(): Omit<OutgoingRequest, 'body'> {
    const { libraryName, libraryVersion } = this.#options;
    return {
      url: `${this.host}${this.path}`,
      headers: {
        authorization: `Basic ${Buffer.from(`${this.writeKey}:`).toString('base64')}`,
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
