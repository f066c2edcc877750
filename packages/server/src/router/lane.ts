import type { SegmentEvent } from '@millrace/spec';
import type { BatchLimits } from '../destinations/destination.ts';
import type { PendingEvent } from '../ledger/ledger.ts';
import { Heap } from './heap.ts';
import { DEFAULT_HOLD_LIMITS, Holds, type HoldLimits } from './holds.ts';
import { KeyOrder } from './key-order.ts';

/** An event that its destination has been offered, or will be, and that is not settled. */
export interface LaneEvent {
  readonly event: SegmentEvent;
  readonly json: Buffer;
  /** What its ledger row says, or would say if it had one. */
  readonly progress: PendingEvent;
  readonly phase: 'idle' | 'inFlight' | 'settled';
}

export interface LaneArrival {
  event: SegmentEvent;
  json: Buffer;
  /**
   * Events with a key in common are offered in the order of their positions. Undefined for an event that has lost its
   * place, a dead letter that is tried again: it holds nobody back, nobody holds it back, and it lines up behind those
   * that are there.
   */
  keys: readonly string[] | undefined;
  progress: PendingEvent;
}

export interface LaneLimits {
  /** Unsettled events in memory; past it nothing is read, the log is the buffer. Default 10,000. */
  maxCount: number;
  /** Sum of their JSON. Default 32 MB. */
  maxBytes: number;
}

export const DEFAULT_LANE_LIMITS: LaneLimits = { maxCount: 10_000, maxBytes: 32 * 1024 * 1024 };

export type NextBatch =
  | { kind: 'batch'; events: readonly LaneEvent[] }
  /** Nothing to send until then (milliseconds since the epoch), or until something changes. */
  | { kind: 'wait'; untilMs: number | undefined };

interface Entry extends LaneEvent {
  readonly position: number;
  progress: PendingEvent;
  phase: LaneEvent['phase'];
  json: Buffer;
  readonly enteredAtMs: number;
  /** Its place in line: the order of arrival, which is that of positions where there are keys. */
  readonly rank: number;
  /** Of its keys, how many have an earlier unsettled event. */
  blockedCount: number;
  /** Only events of the same part travel together; 0 where the batch was never taken apart. */
  part: number;
}

/**
 * The unsettled events of one destination in one partition, and the choice of the next batch:
 * in the order of positions the events that are not in flight, whose time has come, and that share
 * no key with an earlier unsettled event outside the batch.
 *
 * Several events of one person may travel in one batch, in order, since the destination gets them as
 * one unit. Of what comes back, an event to be retried holds all later ones of its person that are
 * not settled yet, those of the same batch included; no request ever carries an event while an
 * earlier one of the same person is unsettled outside of it. A destination that answers per event
 * may have taken a later one of the batch before the earlier is retried: that was its own choice.
 *
 * An event in retry does not hold for ever: past its limits it is passed. Whatever is delivered while an earlier event
 * of the same person is unsettled, for either reason, is told as such when it settles.
 *
 * Each step costs O(log n): an event is queued the moment the last one before it settles. No clock, no effects.
 */
export class Lane {
  readonly #limits: LaneLimits;
  readonly #batch: BatchLimits;
  readonly #holds: Holds<Entry>;
  readonly #order = new KeyOrder<Entry>();
  /** Idle and not blocked. Events arrive in order, so what is not blocked never gets blocked again. */
  readonly #ready = new Heap<Entry>((entry) => entry.rank);
  /** The same, with a time before which they may not be sent. */
  readonly #waiting = new Heap<Entry>((entry) => entry.progress.notBeforeMs);
  #lastPart = 0;
  #lastPosition = -1;
  #arrivedCount = 0;
  #count = 0;
  #bytes = 0;

  constructor(
    batch: BatchLimits,
    limits: LaneLimits = DEFAULT_LANE_LIMITS,
    holds: HoldLimits = DEFAULT_HOLD_LIMITS,
  ) {
    this.#batch = batch;
    this.#limits = limits;
    this.#holds = new Holds(holds);
  }

  get unsettledCount(): number {
    return this.#count;
  }

  /** Events that could go into a batch now, not counting followers of the same person. */
  get readyCount(): number {
    return this.#ready.size;
  }

  /** What may still be added; a single event may overstep the bytes. */
  get room(): { count: number; bytes: number } {
    return { count: this.#limits.maxCount - this.#count, bytes: this.#limits.maxBytes - this.#bytes };
  }

  /** Positions of events with keys must ascend from call to call. */
  add(arrival: LaneArrival, nowMs: number): LaneEvent {
    const { event, json, progress, keys } = arrival;
    if (keys) {
      if (progress.position <= this.#lastPosition) throw new RangeError('positions must ascend');
      this.#lastPosition = progress.position;
    }
    this.#arrivedCount += 1;
    const entry: Entry = {
      position: progress.position,
      event,
      json,
      progress,
      phase: 'idle',
      enteredAtMs: nowMs,
      rank: this.#arrivedCount,
      blockedCount: 0,
      part: 0,
    };
    this.#order.join(entry, keys ?? []);
    entry.blockedCount = this.#order.blockedCount(entry);
    this.#count += 1;
    this.#bytes += json.length;
    if (entry.blockedCount === 0) this.#enqueue(entry);
    else for (const head of this.#order.heads(entry)) this.#passIfCrowded(head);
    return entry;
  }

  /**
   * The next batch, whose events are in flight from now on, or how long to wait.
   * @param maxCount Of the batch, where that is less than what the destination takes.
   */
  take(nowMs: number, maxCount = Infinity): NextBatch {
    this.#passOverdue(nowMs);
    for (
      let due = this.#waiting.peek();
      due && due.progress.notBeforeMs <= nowMs;
      due = this.#waiting.peek()
    ) {
      this.#waiting.pop();
      this.#ready.push(due);
    }
    const chosen = this.#choose(nowMs, Math.min(maxCount, this.#batch.maxCount));
    const first = chosen.entries[0];
    const nextDueMs = earliest(this.#waiting.peek()?.progress.notBeforeMs, this.#holds.nextMs);
    if (!first) return { kind: 'wait', untilMs: nextDueMs };
    const cutAtMs = first.enteredAtMs + this.#batch.maxWaitMs;
    if (!chosen.full && nowMs < cutAtMs) {
      for (const entry of chosen.entries) if (entry.blockedCount === 0) this.#ready.push(entry);
      return { kind: 'wait', untilMs: Math.min(cutAtMs, nextDueMs ?? cutAtMs) };
    }
    for (const entry of chosen.entries) entry.phase = 'inFlight';
    return { kind: 'batch', events: chosen.entries };
  }

  /** Out of flight, unsettled; with new progress if an attempt was spent. */
  giveBack(event: LaneEvent, progress: PendingEvent = event.progress): void {
    const entry = inFlight(event);
    entry.phase = 'idle';
    entry.progress = progress;
    if (entry.blockedCount === 0) this.#enqueue(entry);
    this.#passIfCrowded(entry);
  }

  /** The events of one batch, still in flight: from now on its halves travel apart from each other and from all others. */
  split(batch: readonly LaneEvent[]): void {
    const middle = Math.ceil(batch.length / 2);
    for (const half of [batch.slice(0, middle), batch.slice(middle)]) {
      this.#lastPart += 1;
      for (const event of half) inFlight(event).part = this.#lastPart;
    }
  }

  /** Out of flight and done with: what waited for it may go. Returns whether it got ahead of an earlier one of its person. */
  settle(event: LaneEvent): { isAhead: boolean } {
    const entry = inFlight(event);
    const isAhead = this.#order.isAhead(entry);
    entry.phase = 'settled';
    this.#holds.forget(entry);
    this.#count -= 1;
    this.#bytes -= entry.json.length;
    this.#free(this.#order.leave(entry));
    return { isAhead };
  }

  /** The time until now does not count for those that hold others: nothing could be delivered. */
  restartHolds(nowMs: number): void {
    this.#holds.restart(nowMs);
  }

  /**
   * Gives the event a copy of its JSON. For one that stays long: its buffer is a slice of all that
   * was read with it, which could not be freed.
   */
  detach(event: LaneEvent): void {
    const entry = event as Entry;
    if (entry.json.buffer.byteLength < 2 * entry.json.length) return;
    const copy = Buffer.allocUnsafeSlow(entry.json.length);
    entry.json.copy(copy);
    entry.json = copy;
  }

  #free(followers: readonly Entry[]): void {
    for (const follower of followers) {
      follower.blockedCount -= 1;
      if (follower.blockedCount === 0 && follower.phase === 'idle') this.#enqueue(follower);
    }
  }

  #enqueue(entry: Entry): void {
    if (entry.progress.notBeforeMs > 0) this.#waiting.push(entry);
    else this.#ready.push(entry);
    if (isInRetry(entry) && !this.#order.isPassed(entry)) this.#holds.watch(entry);
  }

  #passOverdue(nowMs: number): void {
    for (const entry of this.#holds.overdue(nowMs)) {
      // In flight, it comes back by `giveBack` or settles; blocked, it is queued when it is not any more.
      if (entry.phase === 'idle' && entry.blockedCount === 0) this.#free(this.#order.pass(entry));
    }
  }

  #passIfCrowded(entry: Entry): void {
    const mayBePassed = entry.phase === 'idle' && entry.blockedCount === 0 && isInRetry(entry);
    if (mayBePassed && this.#order.followerCount(entry) > this.#holds.limits.maxFollowerCount)
      this.#free(this.#order.pass(entry));
  }

  /** Takes from `ready`, and with each event the followers that only waited for events of the batch. */
  #choose(nowMs: number, maxCount: number): { entries: Entry[]; full: boolean } {
    const { maxBytes } = this.#batch;
    const entries: Entry[] = [];
    const followers = new Heap<Entry>((entry) => entry.rank);
    const unblockedCounts = new Map<Entry, number>();
    let bytes = 0;
    while (entries.length < maxCount) {
      const source = lower(this.#ready, followers);
      const entry = source.peek();
      if (!entry) return { entries, full: bytes >= maxBytes };
      const fits = bytes + entry.json.length <= maxBytes && entry.part === entries[0]?.part;
      if (entries.length > 0 && !fits) break;
      source.pop();
      entries.push(entry);
      bytes += entry.json.length;
      for (const follower of this.#order.followers(entry)) {
        const unblockedCount = (unblockedCounts.get(follower) ?? 0) + 1;
        unblockedCounts.set(follower, unblockedCount);
        const free = unblockedCount === follower.blockedCount && follower.phase === 'idle';
        if (free && follower.progress.notBeforeMs <= nowMs) followers.push(follower);
      }
    }
    return { entries, full: true };
  }
}

function isInRetry({ progress }: Entry): boolean {
  return progress.attemptCount > 0;
}

function earliest(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.min(a, b);
}

function lower(a: Heap<Entry>, b: Heap<Entry>): Heap<Entry> {
  const ofA = a.peek()?.rank ?? Infinity;
  const ofB = b.peek()?.rank ?? Infinity;
  return ofB < ofA ? b : a;
}

function inFlight(event: LaneEvent): Entry {
  if (event.phase !== 'inFlight') throw new Error(`the event is ${event.phase}, not in flight`);
  return event as Entry;
}
