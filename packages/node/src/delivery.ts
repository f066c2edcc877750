import { httpStatusCode } from '@millrace/spec';
import { Backlog, bodyOf } from './backlog.ts';
import type { Clock } from './clock.ts';
import { analyticsError, type AnalyticsError } from './errors.ts';
import type { Liveness } from './liveness.ts';
import type { OutgoingEvent } from './outgoing.ts';
import { isSuccess, nextStep, parseRetryAfterMs, type Failure, type RetryBounds } from './retry-policy.ts';
import type { Settlement } from './settlement.ts';
import type { OutgoingRequest, Reply, Transport } from './transport/transport.ts';

export interface DeliveryPorts {
  transport: Transport;
  settlement: Settlement;
  liveness: Pick<Liveness, 'after'>;
  clock: Pick<Clock, 'nowMs' | 'monotonicMs'>;
  random: () => number;
  bounds: RetryBounds;
  /** Asked at each attempt, since a program may change the client's fields meanwhile. */
  request: () => Omit<OutgoingRequest, 'body'>;
  /** A batch failed for good. */
  onError: (error: AnalyticsError) => void;
}

/**
 * Sends flushed events, one request at a time and in order: a batch is delivered or given up before
 * the next is cut. While it is under way others gather, so under load a request carries what the
 * limits allow.
 */
export class Delivery {
  #ports: DeliveryPorts;
  #backlog = new Backlog();
  #running = false;
  #inFlightCount = 0;
  #inFlightBytes = 0;
  /** Place of the oldest event of the backlog in the order of flushing. */
  #nextPlace = 0;
  /** The server asked to be left alone until then, by the monotonic clock. */
  #heldUntilMs = 0;

  constructor(ports: DeliveryPorts) {
    this.#ports = ports;
  }

  /** Events that wait, are retried or are in flight. */
  get count(): number {
    return this.#backlog.count + this.#inFlightCount;
  }

  /** Their JSON. */
  get bytes(): number {
    return this.#backlog.bytes + this.#inFlightBytes;
  }

  /** Posts in the same tick when idle. */
  add(events: readonly OutgoingEvent[]): void {
    this.#ports.settlement.open(events.length);
    this.#backlog.add(events);
    if (!this.#running) void this.#run();
  }

  /** @returns false when none waits; what is in flight is not dropped. */
  dropOldest(error: AnalyticsError): boolean {
    const event = this.#backlog.dropOldest();
    if (!event) return false;
    this.#ports.settlement.drop(this.#nextPlace, event, error, new Date(this.#ports.clock.nowMs()));
    this.#nextPlace += 1;
    return true;
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#backlog.count > 0) {
      const holdMs = this.#heldUntilMs - this.#ports.clock.monotonicMs();
      if (holdMs > 0) await this.#sleep(holdMs);
      else await this.#deliverNext();
    }
    this.#running = false;
  }

  async #deliverNext(): Promise<void> {
    const events = this.#backlog.cut();
    const from = this.#nextPlace;
    this.#nextPlace += events.length;
    this.#inFlightCount = events.length;
    this.#inFlightBytes = events.reduce((bytes, event) => bytes + event.bytes, 0);
    const timestamp = new Date(this.#ports.clock.nowMs());
    const { sentAt, error } = await this.#attempt(events, timestamp);
    this.#inFlightCount = 0;
    this.#inFlightBytes = 0;
    if (error) this.#ports.onError(error);
    this.#ports.settlement.settle({ from, events, timestamp, sentAt, error });
  }

  /** Attempts until the batch is delivered or the policy gives it up. */
  async #attempt(
    events: readonly OutgoingEvent[],
    timestamp: Date,
  ): Promise<{ sentAt: Date; error: AnalyticsError | undefined }> {
    const { transport, clock, bounds, random, request } = this.#ports;
    const startedMs = clock.monotonicMs();
    for (let number = 1; ; number += 1) {
      // Of this attempt: the server corrects timestamps by it, and a retry may come much later.
      const sentAt = new Date(clock.nowMs());
      const reply = await transport.post({ ...request(), body: bodyOf(events, timestamp, sentAt) });
      if (reply.kind === 'answered' && isSuccess(reply.status)) return { sentAt, error: undefined };
      const elapsedMs = clock.monotonicMs() - startedMs;
      const next = nextStep(failureOf(reply, clock.nowMs()), { number, elapsedMs }, bounds, random);
      if (next.kind === 'fail') {
        this.#heldUntilMs = clock.monotonicMs() + next.holdMs;
        return { sentAt, error: errorOf(reply) };
      }
      await this.#sleep(next.afterMs);
    }
  }

  #sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#ports.liveness.after(delayMs, resolve);
    });
  }
}

function failureOf(reply: Reply, nowMs: number): Failure {
  if (reply.kind !== 'answered') return { kind: reply.kind };
  const retryAfterMs = parseRetryAfterMs(reply.retryAfter, nowMs);
  return { kind: 'status', status: reply.status, retryAfterMs };
}

function errorOf(reply: Reply): AnalyticsError {
  if (reply.kind !== 'answered') return reply.error;
  const { status, statusText } = reply;
  return analyticsError(httpStatusCode(status), statusText, { response: { status, statusText } });
}
