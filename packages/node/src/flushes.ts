import { MAX_TIMER_MS } from './clock.ts';
import type { AnalyticsError } from './errors.ts';
import type { FlushData } from './outgoing.ts';
import type { FlushWaiting, Outbox } from './outbox.ts';

/** What is read of a client at each step: a program may change these fields, and replace the method. */
export interface FlushingClient {
  readonly enable: boolean;
  flushed: boolean;
  flushAt: number;
  flushInterval: number;
  maxQueueSize: number;
  timer: NodeJS.Timeout | null | undefined;
  errorHandler: ((error: AnalyticsError) => void) | undefined;
  flush(): unknown;
}

/** When what is queued goes to delivery, and who waits for it. */
export class Flushes {
  #client: FlushingClient;
  #outbox: Outbox;
  #plainFlush: unknown;
  #isInBackground = false;
  #pending: Promise<FlushData | undefined> | null = null;

  /** @param plainFlush what `client.flush` is unless the program replaces it. */
  constructor(client: FlushingClient, outbox: Outbox, plainFlush: unknown) {
    this.#client = client;
    this.#outbox = outbox;
    this.#plainFlush = plainFlush;
  }

  /**
   * The last flush that is not over, null when there is none. What is sent unasked gets a promise only
   * when somebody reads this: one for each twenty events, and a fence behind it, would cost as much as
   * the events.
   */
  get pending(): Promise<FlushData | undefined> | null {
    if (this.#pending === null && this.#outbox.hasOpen) return this.#pend({ holdsProcess: false });
    return this.#pending;
  }

  set pending(flush: Promise<FlushData | undefined> | null) {
    this.#pending = flush;
  }

  /** Sends all that is queued. @returns a promise for all that is open now; undefined when nothing is. */
  flush(
    waiting: Omit<FlushWaiting, 'errorsAreHandled' | 'holdsProcess'>,
  ): Promise<FlushData | undefined> | undefined {
    this.#send();
    if (!this.#outbox.hasOpen) return undefined;
    return this.#pend({ ...waiting, holdsProcess: !this.#isInBackground });
  }

  /** After an event was queued. */
  ifTriggered(): void {
    const client = this.#client;
    const { queue } = this.#outbox;
    const isFirst = !client.flushed;
    client.flushed = true;
    if (isFirst || queue.count >= client.flushAt || queue.bytes >= client.maxQueueSize) {
      this.inBackground();
    } else if (client.flushInterval && !client.timer) {
      client.timer = setTimeout(() => this.inBackground(), Math.min(client.flushInterval, MAX_TIMER_MS));
      // In tests it may be a fake one, or that of jsdom, which is a number.
      (client.timer as Partial<NodeJS.Timeout>).unref?.();
    }
  }

  /** Through the public method where a program has replaced it; whatever that returns is nobody's rejection. */
  inBackground(): void {
    if (this.#client.flush === this.#plainFlush) return this.#send();
    this.#isInBackground = true;
    try {
      Promise.resolve(this.#client.flush()).catch(() => undefined);
    } finally {
      this.#isInBackground = false;
    }
  }

  /** Hands all that is queued to delivery. */
  #send(): void {
    const client = this.#client;
    if (client.timer) clearTimeout(client.timer);
    client.timer = null;
    if (client.enable) this.#outbox.send();
  }

  #pend(waiting: Omit<FlushWaiting, 'errorsAreHandled'>): Promise<FlushData | undefined> {
    const errorsAreHandled = (): boolean => typeof this.#client.errorHandler === 'function';
    const flush = this.#outbox.flushed({ ...waiting, errorsAreHandled });
    this.#pending = flush;
    // Awaiters see a rejection all the same, but one that nobody awaits must not end the process.
    const forget = (): void => {
      if (this.#pending === flush) this.#pending = null;
    };
    flush.then(forget, forget);
    return flush;
  }
}
