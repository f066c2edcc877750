import type { SegmentEvent } from '@millrace/spec';
import type { BatchLimits } from '../destinations/destination.ts';
import type { PendingEvent } from '../ledger/ledger.ts';
import { Heap } from './heap.ts';

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
  /** Events with a key in common are offered in the order of their positions. */
  keys: readonly string[];
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
  progress: PendingEvent;
  phase: LaneEvent['phase'];
  json: Buffer;
  readonly enteredAtMs: number;
  readonly links: Link[];
  /** Of its keys, how many have an earlier unsettled event. */
  blockedCount: number;
}

/** One key of one event: a place in the list of the key's unsettled events. */
interface Link {
  readonly key: string;
  readonly entry: Entry;
  previous: Link | undefined;
  next: Link | undefined;
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
 * Each step costs O(log n): an event knows its predecessor for each key, and is queued the moment the
 * last one settles. No clock, no effects.
 */
export class Lane {
  readonly #limits: LaneLimits;
  readonly #batch: BatchLimits;
  /** The last unsettled event of each key. */
  readonly #tails = new Map<string, Link>();
  /** Idle and not blocked. Events arrive in order, so what is not blocked never gets blocked again. */
  readonly #ready = new Heap<Entry>((entry) => entry.progress.position);
  /** The same, with a time before which they may not be sent. */
  readonly #waiting = new Heap<Entry>((entry) => entry.progress.notBeforeMs);
  #lastPosition = -1;
  #count = 0;
  #bytes = 0;

  constructor(batch: BatchLimits, limits: LaneLimits = DEFAULT_LANE_LIMITS) {
    this.#batch = batch;
    this.#limits = limits;
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

  /** Positions must ascend from call to call. */
  add(arrival: LaneArrival, nowMs: number): LaneEvent {
    if (arrival.progress.position <= this.#lastPosition) throw new RangeError('positions must ascend');
    this.#lastPosition = arrival.progress.position;
    const { event, json, progress } = arrival;
    const entry: Entry = {
      event,
      json,
      progress,
      phase: 'idle',
      enteredAtMs: nowMs,
      links: [],
      blockedCount: 0,
    };
    for (const key of arrival.keys) {
      const link: Link = { key, entry, previous: this.#tails.get(key), next: undefined };
      if (link.previous) {
        link.previous.next = link;
        entry.blockedCount += 1;
      }
      this.#tails.set(key, link);
      entry.links.push(link);
    }
    this.#count += 1;
    this.#bytes += json.length;
    if (entry.blockedCount === 0) this.#enqueue(entry);
    return entry;
  }

  /** The next batch, whose events are in flight from now on, or how long to wait. */
  take(nowMs: number): NextBatch {
    for (
      let due = this.#waiting.peek();
      due && due.progress.notBeforeMs <= nowMs;
      due = this.#waiting.peek()
    ) {
      this.#waiting.pop();
      this.#ready.push(due);
    }
    const chosen = this.#choose(nowMs);
    const first = chosen.entries[0];
    const nextDueMs = this.#waiting.peek()?.progress.notBeforeMs;
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
  }

  /** Out of flight and done with: what waited for it may go. */
  settle(event: LaneEvent): void {
    const entry = inFlight(event);
    entry.phase = 'settled';
    this.#count -= 1;
    this.#bytes -= entry.json.length;
    for (const link of entry.links) this.#unlink(link);
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

  #unlink({ key, previous, next }: Link): void {
    if (previous) previous.next = next;
    if (next) {
      next.previous = previous;
      if (previous) return;
      const follower = next.entry;
      follower.blockedCount -= 1;
      if (follower.blockedCount === 0 && follower.phase === 'idle') this.#enqueue(follower);
    } else if (previous) {
      this.#tails.set(key, previous);
    } else {
      this.#tails.delete(key);
    }
  }

  #enqueue(entry: Entry): void {
    if (entry.progress.notBeforeMs > 0) this.#waiting.push(entry);
    else this.#ready.push(entry);
  }

  /** Takes from `ready`, and with each event the followers that only waited for events of the batch. */
  #choose(nowMs: number): { entries: Entry[]; full: boolean } {
    const { maxCount, maxBytes } = this.#batch;
    const entries: Entry[] = [];
    const followers = new Heap<Entry>((entry) => entry.progress.position);
    const unblockedCounts = new Map<Entry, number>();
    let bytes = 0;
    while (entries.length < maxCount) {
      const source = lower(this.#ready, followers);
      const entry = source.peek();
      if (!entry) return { entries, full: bytes >= maxBytes };
      if (entries.length > 0 && bytes + entry.json.length > maxBytes) break;
      source.pop();
      entries.push(entry);
      bytes += entry.json.length;
      for (const { next } of entry.links) {
        if (!next) continue;
        const follower = next.entry;
        const unblockedCount = (unblockedCounts.get(follower) ?? 0) + 1;
        unblockedCounts.set(follower, unblockedCount);
        const free = unblockedCount === follower.blockedCount && follower.phase === 'idle';
        if (free && follower.progress.notBeforeMs <= nowMs) followers.push(follower);
      }
    }
    return { entries, full: true };
  }
}

function lower(a: Heap<Entry>, b: Heap<Entry>): Heap<Entry> {
  const ofA = a.peek()?.progress.position ?? Infinity;
  const ofB = b.peek()?.progress.position ?? Infinity;
  return ofB < ofA ? b : a;
}

function inFlight(event: LaneEvent): Entry {
  if (event.phase !== 'inFlight') throw new Error(`the event is ${event.phase}, not in flight`);
  return event as Entry;
}
