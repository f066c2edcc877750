import type { JsonObject, SegmentEvent } from '@millrace/spec';
import type { Destination } from '../destinations/destination.ts';
import type { DeadLetter } from '../ledger/dead-letters.ts';
import type { Decision, Failure, Ledger, PendingEvent, Settlement } from '../ledger/ledger.ts';
import type { Partition, Position } from '../log/log.ts';
import { eventNameOf } from './event-name.ts';
import { filterOnReading, type FilterOnReading } from './filter.ts';
import { Frontier } from './frontier.ts';
import { DEFAULT_HOLD_LIMITS, type HoldLimits } from './holds.ts';
import { DEFAULT_LANE_LIMITS, Lane } from './lane.ts';
import type { LaneEvent, LaneLimits, NextBatch } from './lane.ts';
import { pendingRecords, type LoggedEvent, type ReadLog } from './log-access.ts';
import { orderKeys } from './order-keys.ts';
import type { Verdict } from './verdicts.ts';

export interface ProgressOptions {
  destinationId: string;
  destination: Destination;
  partition: Partition;
  commit: (settlement: Settlement) => void;
  ledger: Pick<Ledger, 'load' | 'revive'>;
  /** Default: by the types that the destination accepts and the `integrations` object. */
  filter?: FilterOnReading;
  /** Default `user`: events that share a user are kept in order. */
  order?: 'user' | 'none' | undefined;
  laneLimits?: LaneLimits;
  holdLimits?: HoldLimits;
}

/** So many filtered events are committed even where rows for unsettled ones before them are the price. */
const FILTERED_MAX_COUNT = 5_000;

/**
 * How far one destination has got in one partition: its unsettled events, its cursor, its own state,
 * and the ledger, kept in step. Everything here is synchronous; where the ledger throws, memory is
 * ahead of it: what was to be committed is committed later, before anything else, or this is not used any more.
 */
export class Progress {
  readonly #options: ProgressOptions;
  readonly #lane: Lane;
  readonly #filter: FilterOnReading;
  #frontier = new Frontier(0);
  #destinationState: JsonObject | undefined;

  constructor(options: ProgressOptions) {
    this.#options = options;
    this.#filter = options.filter ?? filterOnReading(options.destinationId, options.destination);
    const { destination, laneLimits = DEFAULT_LANE_LIMITS, holdLimits = DEFAULT_HOLD_LIMITS } = options;
    this.#lane = new Lane(destination.batch, laneLimits, holdLimits);
  }

  /** What the last committed delivery returned. */
  get destinationState(): JsonObject | undefined {
    return this.#destinationState;
  }

  /** Where to read on. */
  get readTo(): Position {
    return this.#frontier.readTo;
  }

  /** How much may be read now. */
  get room(): { count: number; bytes: number } {
    return this.#lane.room;
  }

  get readyCount(): number {
    return this.#lane.readyCount;
  }

  /** Takes up what the ledger holds; the pending events come from the log again. */
  async restore(read: ReadLog, nowMs: number): Promise<void> {
    const { ledger, destinationId, partition } = this.#options;
    const { cursor, state, pending } = ledger.load(destinationId, partition);
    if (cursor === undefined) throw new Error('the destination has no cursor in this partition');
    this.#frontier = new Frontier(cursor);
    this.#destinationState = state;
    const inLog = pending.filter(({ event }) => !event);
    this.#lane.restartHolds(nowMs);
    for await (const { logged, progress } of pendingRecords(read, inLog)) {
      this.#lane.detach(this.#admit(logged, progress, nowMs));
    }
    for (const { event, ...progress } of pending) if (event) this.#admitRevived(event, progress, nowMs);
  }

  /**
   * Takes dead letters of which a retry was asked back into the lane, as far as there is room. Returns how many: fewer
   * than asked for where there are no more, or no more room.
   */
  revive(maxCount: number, nowMs: number): number {
    const { ledger, destinationId, partition } = this.#options;
    const { count, bytes } = this.room;
    const limit = { maxCount: Math.max(0, Math.min(maxCount, count)), maxBytes: bytes };
    const revived = ledger.revive(destinationId, partition, limit);
    for (const { event, ...progress } of revived) this.#admitRevived(event, progress, nowMs);
    return revived.length;
  }

  /**
   * Takes in what was read. What is filtered waits for the commit of a delivery, unless no event is
   * before it that such a commit could be of: a destination that filters everything costs one
   * transaction a block.
   */
  arrive(block: readonly LoggedEvent[], nowMs: number): void {
    for (const logged of block) {
      const { position } = logged;
      const code = this.#filter(logged.event, nowMs);
      if (code) {
        this.#frontier.filter(named(logged.event, { position, outcome: 'filtered', code }));
      } else {
        const progress = { position, attemptCount: 0, notBeforeMs: 0 };
        this.#frontier.admit(this.#admit(logged, progress, nowMs));
      }
    }
    if (this.#frontier.isClear()) this.commitFiltered();
    else if (this.#frontier.filteredCount >= FILTERED_MAX_COUNT) this.#commitFiltered('everything');
  }

  /** @see Lane.take */
  take(nowMs: number, maxCount: number): NextBatch {
    return this.#lane.take(nowMs, maxCount);
  }

  /** @see Lane.split */
  split(batch: readonly LaneEvent[]): void {
    this.#lane.split(batch);
  }

  /** @see Lane.restartHolds */
  restartHolds(nowMs: number): void {
    this.#lane.restartHolds(nowMs);
  }

  /** Applies one verdict an event, and commits them together with `also`. */
  settle(
    batch: readonly LaneEvent[],
    verdicts: readonly Verdict[],
    also: Pick<Settlement, 'attempt' | 'state'> = {},
  ): void {
    const decisions: Decision[] = [];
    const dead: DeadLetter[] = [];
    const pending: PendingEvent[] = [];
    const failures: Failure[] = [];
    for (const [index, event] of batch.entries()) {
      const verdict = verdicts[index]!;
      switch (verdict.kind) {
        case 'decided':
          if (verdict.deadLetter) dead.push(verdict.deadLetter);
          decisions.push(this.#settled(event, named(event.event, verdict.decision)));
          this.#frontier.tried(event);
          break;
        case 'retry':
        case 'unauthorized':
          pending.push(verdict.progress);
          failures.push(named(event.event, { code: verdict.progress.code ?? '' }));
          this.#lane.detach(event);
          this.#lane.giveBack(event, verdict.progress);
          this.#frontier.tried(event);
          break;
        case 'unspent':
          this.#lane.giveBack(event);
          break;
      }
    }
    if (also.state) this.#destinationState = also.state;
    const passed = this.#frontier.advance('tried', pending);
    this.#commit({
      ...also,
      cursor: passed.cursor,
      decisions: [...passed.decisions, ...decisions],
      pending: [...passed.pending, ...pending],
      ...(failures.length > 0 && { failures }),
      dead,
    });
  }

  #settled(event: LaneEvent, decision: Decision): Decision {
    const { isAhead } = this.#lane.settle(event);
    return isAhead && decision.outcome === 'delivered' ? { ...decision, reordered: true } : decision;
  }

  /** Commits what was filtered as far as no unsettled event is before it. */
  commitFiltered(): void {
    if (this.#frontier.filteredCount > 0) this.#commitFiltered('tried');
  }

  #commitFiltered(reach: 'tried' | 'everything'): void {
    this.#commit({ ...this.#frontier.advance(reach), dead: [] });
  }

  #commit(settlement: Omit<Settlement, 'destinationId' | 'partition'>): void {
    const { commit, destinationId, partition } = this.#options;
    commit({ destinationId, partition, ...settlement });
  }

  #admit({ sourceId, event, json }: LoggedEvent, progress: PendingEvent, nowMs: number): LaneEvent {
    const keys = this.#options.order === 'none' ? [] : orderKeys(sourceId, event);
    return this.#lane.add({ event, json, keys, progress }, nowMs);
  }

  /** It lost its place when it died: later events of the same person may have been delivered since. */
  #admitRevived(json: Buffer, progress: PendingEvent, nowMs: number): void {
    const event = JSON.parse(json.toString()) as SegmentEvent;
    this.#lane.add({ event, json, keys: undefined, progress }, nowMs);
  }
}

function named<T extends object>(event: SegmentEvent, counted: T): T & { eventName?: string } {
  const eventName = eventNameOf(event);
  return { ...counted, ...(eventName !== undefined && { eventName }) };
}
