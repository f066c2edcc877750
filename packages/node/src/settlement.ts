import type { Batch, Kept, Outcome } from './backlog.ts';
import { soon } from './clock.ts';
import { callProgram, type AnalyticsError } from './errors.ts';
import { flushDataOf, type FlushData, type OutgoingEvent } from './outgoing.ts';

/** Events that met their end together: in one request, or dropped in one tick. */
export interface Settled extends Omit<Batch, 'bytes'>, Outcome {
  timestamp: Date;
  sentAt: Date;
  /** Never part of a request. */
  dropped?: boolean;
}

/** What a flush waits for: the events before a place in the order of flushing. */
export interface Fence {
  end: number;
  /** Of those, events that are in plugins still. They come out, and are flushed, before any later one. */
  insideCount: number;
  remainingCount: number;
  sentCount: number;
  error: AnalyticsError | undefined;
  timestamp: Date | undefined;
  sentAt: Date | undefined;
  /** What went in requests. Not what was dropped or read from the disk: that must not stay in memory. */
  readonly settled: Settled[];
  readonly done: (fence: Fence) => void;
}

export interface SettlementPorts {
  /** The callbacks of these have run. */
  onSettled: (settled: Settled) => void;
  /** All that was opened is settled. */
  onIdle: () => void;
}

/** Tells callbacks, and the flushes that wait for them, what became of events. */
export class Settlement {
  #fences = new Set<Fence>();
  #openedCount = 0;
  #settledCount = 0;
  #dropped: (Settled & { readonly events: OutgoingEvent[] }) | undefined;
  /** For each withdrawn event whose callback has not run yet, the fences that wait for that. */
  #withdrawn = new Set<Fence[]>();
  #ports: SettlementPorts;

  constructor(ports: SettlementPorts) {
    this.#ports = ports;
  }

  /** Events that were flushed, or withdrawn, and whose callbacks have not run yet. */
  get openCount(): number {
    return this.#openedCount - this.#settledCount + this.#withdrawn.size;
  }

  open(count: number): void {
    this.#openedCount += count;
  }

  /** Runs the callbacks, by setImmediate as analytics-node does, then tells the fences. */
  settle(settled: Settled): void {
    soon(() => {
      const { events, timestamp, sentAt } = settled;
      const data = flushDataOf(() => events, timestamp, sentAt);
      events.forEach(({ callback }, index) => {
        if (callback) callProgram(() => callback(errorOf(settled, index), data));
      });
      this.#ports.onSettled(settled);
      if (settled.isTold) return;
      this.#settledCount += events.length;
      // Those of now: a flush made by the callback of a flush is a new fence, and does not wait for these.
      const fences = [...this.#fences];
      for (const fence of fences) this.#count(fence, settled);
      if (this.openCount === 0) this.#ports.onIdle();
    });
  }

  /** Settles a dropped event together with its neighbours that are dropped for the same error. */
  drop({ from, events, isTold = false }: Batch, error: AnalyticsError, now: Date): void {
    const group = this.#dropped;
    if (group?.error === error && group.from + group.events.length === from && group.isTold === isTold) {
      group.events.push(...events);
      return;
    }
    this.#dropped = { from, events: [...events], isTold, timestamp: now, sentAt: now, error, dropped: true };
    this.settle(this.#dropped);
  }

  /** Ends the waiting for events that the backlog keeps: they are not open any more. */
  keep({ ranges, callbacks }: Kept, error: AnalyticsError): void {
    soon(() => {
      for (const callback of callbacks) callProgram(() => callback(error));
      for (const { from, end } of ranges) {
        this.#settledCount += end - from;
        for (const fence of this.#fences) {
          if (from < fence.end) fence.error ??= error;
          this.#subtract(fence, Math.max(0, Math.min(end, fence.end) - from));
        }
      }
      if (this.openCount === 0) this.#ports.onIdle();
    });
  }

  /** Passes over places in the order of flushing that nobody waits for. */
  skip(count: number): void {
    this.#openedCount += count;
    this.#settledCount += count;
    for (const fence of this.#waitingInside()) fence.end += count;
  }

  /** Opens events that come before those that are in plugins still. */
  insert(count: number): void {
    this.#openedCount += count;
    for (const fence of this.#waitingInside()) {
      fence.end += count;
      fence.remainingCount += count;
    }
  }

  /**
   * Calls `done` once all that is open now is settled, and the `insideCount` events that plugins have
   * still; only to be asked when there is something.
   */
  fence(done: (fence: Fence) => void, insideCount = 0): Fence {
    const fence: Fence = {
      end: this.#openedCount + insideCount,
      insideCount,
      remainingCount: this.openCount + insideCount,
      sentCount: 0,
      error: undefined,
      timestamp: undefined,
      sentAt: undefined,
      settled: [],
      done,
    };
    this.#fences.add(fence);
    for (const fences of this.#withdrawn) fences.push(fence);
    return fence;
  }

  /**
   * The first event that fences have inside comes out of plugins.
   * @returns whether one of them has none inside any more.
   */
  arrive(): boolean {
    return this.#comeOut(this.#waitingInside());
  }

  /** The same for an event that will not be opened: `tell` is called, and then no fence counts it. */
  withdraw(tell: () => void): boolean {
    const fences = this.#waitingInside();
    const isLast = this.#comeOut(fences);
    for (const fence of fences) fence.end -= 1;
    this.#withdrawn.add(fences);
    soon(() => {
      callProgram(tell);
      this.#withdrawn.delete(fences);
      for (const fence of fences) this.#subtract(fence, 1);
      if (this.openCount === 0) this.#ports.onIdle();
    });
    return isLast;
  }

  #waitingInside(): Fence[] {
    return [...this.#fences].filter(({ insideCount }) => insideCount > 0);
  }

  #comeOut(fences: readonly Fence[]): boolean {
    for (const fence of fences) fence.insideCount -= 1;
    return fences.some(({ insideCount }) => insideCount === 0);
  }

  abandon(fence: Fence): void {
    this.#fences.delete(fence);
  }

  #count(fence: Fence, settled: Settled): void {
    const count = countBefore(fence.end, settled);
    if (count === 0) return;
    if (!settled.dropped && !settled.isFromDisk) fence.settled.push(settled);
    const failedCount = failedBefore(count, settled);
    if (failedCount > 0) fence.error ??= settled.error;
    fence.timestamp ??= settled.timestamp;
    fence.sentAt = settled.sentAt;
    fence.sentCount += count - failedCount;
    this.#subtract(fence, count);
  }

  #subtract(fence: Fence, count: number): void {
    fence.remainingCount -= count;
    if (fence.remainingCount > 0 || !this.#fences.delete(fence)) return;
    fence.done(fence);
  }
}

/** All that the fence covered and that went in requests, however many, as one body in the order of flushing. */
export function flushDataOfFence({ end, settled, timestamp, sentAt }: Fence): FlushData | undefined {
  // Plugins cancelled all of it.
  if (!timestamp || !sentAt) return undefined;
  const events = (): OutgoingEvent[] =>
    settled
      .toSorted((one, other) => one.from - other.from)
      .flatMap((part) => part.events.slice(0, countBefore(end, part)));
  return flushDataOf(events, timestamp, sentAt);
}

function countBefore(end: number, { from, events }: Settled): number {
  return Math.max(0, Math.min(events.length, end - from));
}

/** Why the event at that index of the batch was not delivered. */
export function errorOf({ error, refused }: Outcome, index: number): AnalyticsError | undefined {
  return refused ? refused.get(index) : error;
}

/** How many of the first `count` events were not delivered. */
function failedBefore(count: number, { error, refused }: Outcome): number {
  if (!error) return 0;
  return refused ? [...refused.keys()].filter((index) => index < count).length : count;
}
