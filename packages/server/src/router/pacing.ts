import { afterFailed, afterWorked, concurrencyOf, type Concurrency } from './concurrency.ts';
import { afterRequest, SOUND, type EndedRequest, type Health } from './health.ts';
import { filled, fullBucket, opensAtMs, type Bucket } from './rate.ts';

export interface PacingOptions {
  /** Requests at a time, at most. */
  maxConcurrency: number;
  eventsPerSecond?: number | undefined;
}

export type Turn =
  /** `isProbe`: one event, to see how the destination is doing. */
  | { kind: 'send'; maxCount: number; isProbe: boolean }
  /** Until then (milliseconds since the epoch), or until a request ends. */
  | { kind: 'wait'; untilMs: number | undefined };

/** Whether the next batch may go to one destination, and how large it may be: its health, concurrency and rate. No clock. */
export class Pacing {
  readonly #options: PacingOptions;
  #health: Health = SOUND;
  #concurrency: Concurrency;
  #bucket: Bucket | undefined;

  constructor(options: PacingOptions) {
    this.#options = options;
    this.#concurrency = concurrencyOf(options.maxConcurrency);
  }

  get health(): Health {
    return this.#health;
  }

  /** Requests at a time, as things are. */
  get concurrencyLimit(): number {
    return this.#concurrency.limit;
  }

  turn(nowMs: number, inFlightCount: number): Turn {
    if (this.#health.kind !== 'sound') {
      if (inFlightCount > 0) return { kind: 'wait', untilMs: undefined };
      const { probeAtMs } = this.#health;
      return nowMs < probeAtMs
        ? { kind: 'wait', untilMs: probeAtMs }
        : { kind: 'send', maxCount: 1, isProbe: true };
    }
    if (this.#health.resumeAtMs > nowMs) return { kind: 'wait', untilMs: this.#health.resumeAtMs };
    if (inFlightCount >= this.#concurrency.limit) return { kind: 'wait', untilMs: undefined };
    const opensMs = this.#opensMs(nowMs);
    if (opensMs > nowMs) return { kind: 'wait', untilMs: opensMs };
    return { kind: 'send', maxCount: Infinity, isProbe: false };
  }

  sent(eventCount: number): void {
    if (this.#bucket) this.#bucket.eventCount -= eventCount;
  }

  /** Returns whether a destination that was not sound is so again. */
  ended(request: EndedRequest): { isBack: boolean } {
    const before = this.#health;
    this.#health = afterRequest(before, request);
    if (request.end.kind === 'failed') this.#concurrency = afterFailed(this.#concurrency, request);
    if (request.end.kind === 'worked')
      this.#concurrency = afterWorked(this.#concurrency, this.#options.maxConcurrency);
    return { isBack: before.kind !== 'sound' && this.#health.kind === 'sound' };
  }

  #opensMs(nowMs: number): number {
    const { eventsPerSecond } = this.#options;
    if (eventsPerSecond === undefined) return nowMs;
    this.#bucket = this.#bucket
      ? filled(this.#bucket, eventsPerSecond, nowMs)
      : fullBucket(eventsPerSecond, nowMs);
    return opensAtMs(this.#bucket, eventsPerSecond);
  }
}
