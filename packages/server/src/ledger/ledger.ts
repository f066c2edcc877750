import type { JsonObject } from '@millrace/spec';
import type { Partition, Position } from '../log/log.ts';
import type {
  DeadChange,
  DeadFilter,
  DeadLetter,
  DeadLetterView,
  DeadListPlace,
  DeadPage,
  DeadPlace,
  DeadSelection,
} from './dead-letters.ts';
import type { CountQuery, EventCountQuery, EventCounts, RequestTimes } from './event-counts.ts';

export type { CountQuery, EventCount, EventCountQuery, EventCounts, RequestTimes } from './event-counts.ts';

/**
 * The ledger: what became of each event at each destination. The router alone writes it; the
 * cursor and all that was decided move in one transaction.
 */
export interface Ledger {
  /** What a destination had got to. Undefined cursors: it was never seen in that partition. */
  load(destinationId: string, partition: Partition): DestinationProgress;
  /**
   * The lowest position that a destination still needs of the log: its cursor, or what is pending before and has no
   * copy of its own.
   */
  neededFrom(destinationId: string, partition: Partition): Position | undefined;
  /** @throws {EpochError} Another router has taken over; nothing was written. */
  commit(settlement: Settlement): void;
  /**
   * Takes one small step at giving up what is older than `retainMs`: attempts, and decisions by the time of their block's
   * last one. Old counts become coarser, then go, by bounds of their own. Cursors, what is pending and dead letters stay.
   * Returns whether there may be more.
   * @throws {EpochError} As {@link commit}.
   */
  prune(retainMs: number): boolean;
  /**
   * Asks for a retry of dead letters, or drops them for good; the decision stays dead either way. Looks at no more than
   * `DEAD_SCAN_COUNT` of them: call it again with `next` until there is none. Outlives power loss.
   * @throws {EpochError} As {@link commit}.
   */
  changeDead(action: 'retry' | 'drop', selection: DeadSelection): DeadChange;
  /**
   * Takes dead letters of which a retry was asked back to pending, by position, as if they had never been tried. None
   * where `maxBytes` is 0 or less; a single event may overstep it.
   * @throws {EpochError} As {@link commit}.
   */
  revive(
    destinationId: string,
    partition: Partition,
    limit: { maxCount: number; maxBytes: number },
  ): RevivedEvent[];
  close(): void;
}

export interface DestinationProgress {
  cursor: Position | undefined;
  state: JsonObject | undefined;
  /** By position, ascending. */
  pending: (PendingEvent & Partial<Pick<RevivedEvent, 'event'>>)[];
}

/** An event before the cursor that is not settled: to be tried again, or held back by another. */
export interface PendingEvent {
  position: Position;
  /** Attempts spent so far; 0 for an event that was only held back. */
  attemptCount: number;
  /** When the first attempt began, milliseconds since the epoch; absent before it. */
  firstAttemptAtMs?: number;
  /** Not to be tried before; 0 when it may go at once. */
  notBeforeMs: number;
  /** Why the last attempt failed. */
  code?: string;
  resume?: JsonObject;
}

/** A dead letter that is pending again, with the copy of its event: the log may be trimmed past it. */
export interface RevivedEvent extends PendingEvent {
  event: Buffer;
}

/** All that one step of one destination changes. */
export interface Settlement {
  destinationId: string;
  partition: Partition;
  /** From here on events are undecided; each one before is decided or pending. */
  cursor: Position;
  /** Absent: stays as it was. */
  state?: JsonObject;
  /** The request that was made, if one was. */
  attempt?: Attempt;
  decisions: readonly Decision[];
  /** Events of the request that are to be tried again, for the counts. Default none. */
  failures?: readonly Failure[];
  /**
   * Added, or replacing the row of the same position, except for a copy of the event that it has. A decided event's row
   * goes by itself.
   */
  pending: readonly PendingEvent[];
  dead: readonly DeadLetter[];
  /**
   * Whether it must outlive power loss once `commit` returns. Default false: a rewound ledger sends
   * again what it forgot. A first cursor must: without it the destination would start at a later end.
   */
  synced?: boolean;
}

export interface Attempt {
  startedAtMs: number;
  durationMs: number;
  /** `delivered` when all of the batch was, else the first code that was not. */
  code: string;
  /** Events in the request, ascending. */
  positions: readonly Position[];
}

export interface Decision {
  position: Position;
  outcome: 'delivered' | 'filtered' | 'dead';
  /** The filter or failure code; empty for delivered. */
  code: string;
  /** For the counts; absent for an event that has none. */
  eventName?: string;
  /** It was delivered while an earlier event of the same person was not settled. */
  reordered?: true;
}

export interface Failure {
  code: string;
  eventName?: string;
}

/** The reading side, for the console and commands, in any process. */
export interface LedgerReader {
  /** Throws where it cannot be read; costs next to nothing, whatever it holds. */
  check(): void;
  /** One entry for each destination the ledger has ever seen, by id. */
  totals(): DestinationTotals[];
  /** What each destination that the ledger has ever seen in the partition did with one event, by id. */
  trace(partition: Partition, position: Position): DestinationTrace[];
  /** What events came to in a period of the last seven days. */
  eventCounts(query: EventCountQuery): EventCounts;
  /** By time and destination, of which at most `COUNT_ROW_MAX` durations are read. */
  requestTimes(query: CountQuery): RequestTimes[];
  /** The newest dead letters behind a place in their list, at most `DEAD_PAGE_MAX_COUNT`. */
  deadLetters(filter: DeadFilter, page: { maxCount: number; after?: DeadListPlace }): DeadPage;
  deadLetter(place: DeadPlace): DeadLetterView | undefined;
  close(): void;
}

export interface DestinationTotals {
  destinationId: string;
  deliveredCount: number;
  /** Of those, the ones that got ahead of an earlier event of the same person. */
  reorderedCount: number;
  /** By filter code. */
  filtered: Record<string, number>;
  /** By failure code; those that are being tried again do not count. */
  dead: Record<string, number>;
  /** By failure code: those of the dead whose letters were dropped on request. */
  dropped: Record<string, number>;
  /** By failure code: how often a dead letter went back to be tried again. */
  revived: Record<string, number>;
  /** Events to be tried again, or held back by one that is. */
  pendingCount: number;
  /** For each partition the position from which on nothing is decided. */
  cursors: Record<Partition, Position>;
  /** The last request that failed, if any did. */
  lastFailure?: { atMs: number; code: string };
}

/** What became of one event at one destination. */
export interface DestinationTrace {
  destinationId: string;
  decision: TracedDecision;
  /** Requests that had the event in them, oldest first; of more than {@link TRACE_ATTEMPT_COUNT} the newest. */
  attempts: TracedAttempt[];
  /** Attempts were left out. */
  isCut: boolean;
}

export const TRACE_ATTEMPT_COUNT = 100;

export type TracedDecision =
  | { kind: 'delivered' }
  | { kind: 'filtered'; code: string }
  /** The times are absent where the dead letter is no more. */
  | { kind: 'dead'; code: string; diedAtMs?: number; attemptCount?: number }
  /** To be tried again, or held back by another event. */
  | { kind: 'pending'; attemptCount: number; notBeforeMs: number; firstAttemptAtMs?: number; code?: string }
  /** The destination has not got to it yet. */
  | { kind: 'undecided' }
  /** The destination started behind it, or it is older than what the ledger keeps. */
  | { kind: 'unrecorded' };

export interface TracedAttempt {
  startedAtMs: number;
  durationMs: number;
  /** Of the request: `delivered` when all of its events were, else the first code that was not. */
  code: string;
  /** In the request. */
  eventCount: number;
}

/** The file cannot be used; the message says which one and why, and is safe to show. */
export class LedgerUnusableError extends Error {
  override readonly name = 'LedgerUnusableError';
  readonly code = 'ledger_unusable';
}

/** The ledger belongs to a router that started later. */
export class EpochError extends Error {
  override readonly name = 'EpochError';
}
