import { httpStatusCode, LIBRARY_CODES } from '@millrace/spec';
import type { Backlog, Outcome } from './backlog.ts';
import { bodyOf } from './body.ts';
import { soon, type Clock } from './clock.ts';
import { analyticsError, usageError, type AnalyticsError } from './errors.ts';
import type { Journal } from './journal.ts';
import type { Liveness } from './liveness.ts';
import type { OutgoingEvent } from './outgoing.ts';
import { outcomeOf } from './refused.ts';
import { isSuccess, nextStep, parseRetryAfterMs, type Failure, type RetryBounds } from './retry-policy.ts';
import type { Settlement } from './settlement.ts';
import type { OutgoingRequest, Reply, Transport } from './transport/transport.ts';

export interface DeliveryPorts {
  transport: Transport;
  backlog: Backlog;
  settlement: Settlement;
  journal: Pick<Journal, 'attempted' | 'retrying'>;
  liveness: Pick<Liveness, 'after'>;
  clock: Pick<Clock, 'nowMs' | 'monotonicMs'>;
  random: () => number;
  /** The program's own delay before the retry of that number, in milliseconds. */
  retryDelay?: ((retryNumber: number, error: AnalyticsError) => number) | undefined;
  bounds: RetryBounds;
  /** Requests under way at once, at least 1. */
  maxConcurrentRequests: number;
  /**
   * Whether a request is made within `add`, because the program sees its own HTTP client being called.
   * Otherwise what the running code adds goes together, which saves requests and keeps `track` short.
   */
  postsAtOnce: boolean;
  /** Asked at each attempt, since a program may change the client's fields meanwhile. */
  request: () => Omit<OutgoingRequest, 'body'>;
  /** A batch failed for good, or events in it were refused. */
  onError: (error: AnalyticsError) => void;
}

/**
 * Sends flushed events in order, by default one request at a time: a batch is delivered or given up
 * before the next is cut. While it is under way others gather, so under load a request carries what
 * the limits allow.
 */
export class Delivery {
  #ports: DeliveryPorts;
  /** Loops that each have one request under way, or wait until one may be made. */
  #workerCount = 0;
  #startsSoon = false;
  #inFlightCount = 0;
  #inFlightBytes = 0;
  /** The server asked to be left alone until then, by the monotonic clock. */
  #heldUntilMs = -Infinity;
  /** How often in a row a batch was kept. */
  #keptCount = 0;

  constructor(ports: DeliveryPorts) {
    this.#ports = ports;
  }

  /** Events that are in a request, or will be retried. */
  get inFlightCount(): number {
    return this.#inFlightCount;
  }

  /** Their JSON. */
  get inFlightBytes(): number {
    return this.#inFlightBytes;
  }

  /** Events that wait, are retried or are in flight. */
  get count(): number {
    return this.#ports.backlog.count + this.#inFlightCount;
  }

  /** Their JSON. */
  get bytes(): number {
    return this.#ports.backlog.bytes + this.#inFlightBytes;
  }

  /** A request is made when one may be: in the same tick or, with all that comes until then, in the next turn of the loop. */
  add(events: readonly OutgoingEvent[]): void {
    this.#ports.settlement.open(events.length);
    this.#ports.backlog.add(events);
    this.start();
  }

  /** The same for events that the backlog has got by itself. */
  start(): void {
    const { maxConcurrentRequests, postsAtOnce } = this.#ports;
    if (this.#startsSoon || this.#workerCount === maxConcurrentRequests) return;
    if (postsAtOnce) return this.startNow();
    this.#startSoon();
  }

  /** @returns false when none waits; what is in flight is not dropped. */
  dropOldest(error: AnalyticsError): boolean {
    const batch = this.#ports.backlog.dropOldest();
    if (!batch) return false;
    this.#ports.settlement.drop(batch, error, new Date(this.#ports.clock.nowMs()));
    return true;
  }

  /** Posts in this tick what waits and may be sent: somebody asked for it. */
  startNow(): void {
    const { backlog, maxConcurrentRequests } = this.#ports;
    while (this.#workerCount < maxConcurrentRequests && backlog.count > 0) void this.#work();
  }

  /** In the next turn of the loop, so that the requests of a burst do not make its turn longer. */
  #startSoon(): void {
    this.#startsSoon = true;
    soon(() => {
      this.#startsSoon = false;
      this.startNow();
    });
  }

  async #work(): Promise<void> {
    this.#workerCount += 1;
    while (this.#ports.backlog.count > 0) {
      // Before a batch is cut, so that the next ones hold what gathers meanwhile.
      if (this.#holdMs() > 0) await this.#whileHeld();
      else await this.#deliverNext();
    }
    this.#workerCount -= 1;
  }

  async #deliverNext(): Promise<void> {
    const { backlog, settlement, clock, onError } = this.#ports;
    const cut = backlog.cut();
    // No await when there is nothing to wait for: the request is to start in this tick.
    const batch = cut instanceof Promise ? await cut : cut;
    if (batch.events.length === 0) return;
    this.#inFlightCount += batch.events.length;
    this.#inFlightBytes += batch.bytes;
    const timestamp = new Date(clock.nowMs());
    const { sentAt, outcome } = await this.#attempt(batch.events, timestamp);
    this.#inFlightCount -= batch.events.length;
    this.#inFlightBytes -= batch.bytes;
    const kept = backlog.settled(batch, outcome);
    const { error } = outcome;
    if (error) onError(error);
    if (kept && error) settlement.keep(kept, error);
    else settlement.settle({ ...batch, timestamp, sentAt, ...outcome });
  }

  /** Attempts until the batch is delivered or the policy gives it up. */
  async #attempt(
    events: readonly OutgoingEvent[],
    timestamp: Date,
  ): Promise<{ sentAt: Date; outcome: Outcome }> {
    const { transport, journal, clock, bounds, random, request } = this.#ports;
    const startedMs = clock.monotonicMs();
    for (let number = 1; ; number += 1) {
      // Of this attempt: the server corrects timestamps by it, and a retry may come much later.
      const sentAt = new Date(clock.nowMs());
      const sentMs = clock.monotonicMs();
      const reply = await transport.post({ ...request(), body: bodyOf(events, timestamp, sentAt) });
      const tookMs = clock.monotonicMs() - sentMs;
      journal.attempted({ number, eventCount: events.length, tookMs, result: resultOf(reply) });
      if (reply.kind === 'answered' && isSuccess(reply.status)) {
        this.#keptCount = 0;
        return { sentAt, outcome: outcomeOf(reply.verdicts, events.length) };
      }
      const elapsedMs = clock.monotonicMs() - startedMs;
      const attempt = {
        number,
        elapsedMs,
        backoffMs: this.#askProgram(number, reply),
        keptCount: this.#keptCount,
      };
      const next = nextStep(failureOf(reply, clock.nowMs()), attempt, bounds, random);
      this.#heldUntilMs = Math.max(this.#heldUntilMs, clock.monotonicMs() + next.holdMs);
      if (next.kind === 'fail') return { sentAt, outcome: { error: errorOf(reply) } };
      if (next.kind === 'keep') {
        this.#keptCount += 1;
        return { sentAt, outcome: { error: keptError(errorOf(reply)), isKept: true } };
      }
      journal.retrying(events.length, next.afterMs);
      await this.#sleep(next.afterMs);
      // Another request may have been told to wait meanwhile.
      await this.#whileHeld();
    }
  }

  #askProgram(retryNumber: number, reply: Reply): number | undefined {
    const { retryDelay, onError } = this.#ports;
    if (!retryDelay) return undefined;
    try {
      const delayMs: unknown = retryDelay(retryNumber, errorOf(reply));
      return typeof delayMs === 'number' && delayMs >= 0 ? delayMs : undefined;
    } catch (thrown) {
      // Where it came from it made the request fail; the events must not pay for it.
      onError(usageError('axiosRetryConfig.retryDelay threw an error', thrown));
      return undefined;
    }
  }

  #holdMs(): number {
    return this.#heldUntilMs - this.#ports.clock.monotonicMs();
  }

  async #whileHeld(): Promise<void> {
    for (let holdMs = this.#holdMs(); holdMs > 0; holdMs = this.#holdMs()) await this.#sleep(holdMs);
  }

  #sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#ports.liveness.after(delayMs, resolve);
    });
  }
}

function failureOf(reply: Reply, nowMs: number): Failure {
  if (reply.kind !== 'answered') return { kind: reply.kind };
  // A date in Retry-After is meant by the server's clock, and ours may be wrong by hours.
  const serverNowMs = Date.parse(reply.date ?? '') || nowMs;
  const retryAfterMs = parseRetryAfterMs(reply.retryAfter, serverNowMs);
  const { status, isOfAuthorization = false } = reply;
  return { kind: 'status', status, retryAfterMs, isOfAuthorization };
}

function resultOf(reply: Reply): string {
  return reply.kind === 'answered' ? String(reply.status) : reply.error.code;
}

function errorOf(reply: Reply): AnalyticsError {
  if (reply.kind !== 'answered') return reply.error;
  const { status, statusText } = reply;
  return analyticsError(httpStatusCode(status), statusText, { response: { status, statusText } });
}

function keptError(cause: AnalyticsError): AnalyticsError {
  const { response } = cause;
  const message = `${LIBRARY_CODES.SPOOL_KEPT} (${cause.message})`;
  return analyticsError('SPOOL_KEPT', message, response ? { cause, response } : { cause });
}
