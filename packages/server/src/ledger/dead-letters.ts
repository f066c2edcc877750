import type { JsonObject } from '@millrace/spec';
import type { Partition, Position } from '../log/log.ts';

/** What the ledger can be asked about dead letters, and what can be done with them. */

export interface DeadLetter {
  position: Position;
  messageId: string;
  /** Of a track event its `event`, of a page or screen its `name`. */
  eventName?: string;
  code: string;
  attemptCount: number;
  diedAtMs: number;
  /** A copy: the log may be trimmed past it. */
  event: Buffer;
  /** What was sent and answered last, without secrets. */
  exchange?: JsonObject;
}

export interface DeadPlace {
  destinationId: string;
  partition: Partition;
  position: Position;
}

/** A place in the list, which goes from the newest death to the oldest. */
export interface DeadListPlace extends DeadPlace {
  diedAtMs: number;
}

/** Which ones are meant; what is absent does not matter. */
export interface DeadFilter {
  destinationId?: string;
  code?: string;
  /** When it died, milliseconds since the epoch: from here on … */
  fromMs?: number;
  /** … and before this. */
  toMs?: number;
  eventName?: string;
}

/** Without the event, of which there may be 32 KB each. */
export interface DeadLetterLine extends DeadPlace, Omit<DeadLetter, 'position' | 'event' | 'exchange'> {
  /** A retry was asked for; the router has not got to it yet. */
  retryAskedAtMs?: number;
}

export interface DeadLetterView extends DeadLetterLine, Pick<DeadLetter, 'event' | 'exchange'> {}

export interface DeadPage {
  /** The newest first. */
  letters: DeadLetterLine[];
  /** Go on behind this; absent where nothing more can come. There may be letters behind an empty page. */
  next?: DeadListPlace;
}

/** `after`: those behind a place in the list, as the last change said. */
export type DeadSelection = { places: readonly DeadPlace[] } | { filter: DeadFilter; after?: DeadListPlace };

export interface DeadChange {
  /** How many letters it changed. */
  count: number;
  /** More may be meant: go on behind this. */
  next?: DeadListPlace;
}

/** So many letters are looked at for one page or one change, whatever the filter leaves of them: some 30 ms to drop. */
export const DEAD_SCAN_COUNT = 1_000;
export const DEAD_PAGE_MAX_COUNT = 500;
