import type { DurableEnds, LogRecord, LogStarts, Partition, Position } from '../log/log.ts';

/** What an event must have to be found; all that is given must hold. */
export interface SearchQuery {
  messageId?: string;
  userId?: string;
  anonymousId?: string;
  /** The name of a track event, a page or a screen. */
  event?: string;
  type?: string;
  sourceId?: string;
  /** By the time of receipt, milliseconds since the epoch, inclusive. */
  fromMs?: number;
  /** By the time of receipt, milliseconds since the epoch, exclusive. */
  toMs?: number;
  /** Stands somewhere in the event's JSON, upper and lower case as given. */
  text?: string;
}

/** For each partition, all from there on has been searched. */
export type SearchCursor = Readonly<Record<Partition, Position>>;

export interface SearchPage {
  /** Newest first: the newest range first, and in it the newest event. */
  hits: LogRecord[];
  /** How to go on; absent when all has been searched. */
  next?: SearchCursor;
  /** The page ended because of its time: when what was looked at last was received. */
  searchedToMs?: number;
  /** Something could not be read, so there may be more than was found; safe to show. */
  unreadable?: string;
}

export interface EventSearch {
  /**
   * One page. It ends with `limit` hits, or after about a second.
   * @throws What the signal says, once it is aborted.
   * @throws {LogReadError} It is not known of which ranges the log consists.
   */
  find(
    query: SearchQuery,
    page: { before?: SearchCursor; limit: number },
    signal: AbortSignal,
  ): Promise<SearchPage>;
}

/** What is known of where events are, as far as it goes. */
export interface Candidates {
  /** Newest first; not each must be a hit, but no hit is missing. */
  positions: Position[];
  /** From here on nothing is missing. */
  from: Position;
}

/** Looks up part of a range. */
export interface CandidateQuery {
  /** An event must have all; see `keys.ts`. None: every event. */
  keys: readonly number[];
  from: Position;
  to: Position;
  fromMs: number;
  toMs: number;
  /** It stops at the first block with which it has so many. */
  enough: number;
}

export interface LogBounds {
  durableEnds: DurableEnds;
  starts: LogStarts;
}
