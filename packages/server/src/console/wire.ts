/**
 * What the console's API sends. The page imports these types, so that both ends agree; keep this
 * file free of anything that a browser does not have.
 */

/** An event as it stands in the log. */
export interface ReceivedEvent {
  kind: 'received';
  sourceId: string;
  partition: number;
  position: number;
  /** By the collector's clock, milliseconds since the epoch. */
  receivedAtMs: number;
  /** The sender's clock was off by more than a day: `timestamp` stands as sent. */
  timestampSkewed: boolean;
  /** As text, since a browser's numbers would change what the log holds. */
  json: string;
}

/** An event or a request that was not kept, or a duplicate. */
export interface RefusedEvent {
  kind: 'refused';
  /** Why, one of the collector's refusal codes. */
  code: string;
  /** The code in words. */
  reason: string;
  receivedAtMs: number;
  sizeBytes: number;
  sourceId?: string;
  /** The sender's library with its version. */
  sdk?: string;
  type?: string;
  eventName?: string;
  messageId?: string;
  /** Absent when it could not be read or was too large to keep. */
  json?: string;
}

export type FeedEvent = ReceivedEvent | RefusedEvent;

/** GET /api/events */
export interface EventsReply {
  /** Newest first. */
  events: FeedEvent[];
}

/** GET /api/refused */
export interface RefusedReply {
  /** Newest first; the ids ascend in the order of arrival. */
  events: (RefusedEvent & { id: number })[];
  /** What to give as `before` for the next page; absent on the last one. */
  next?: number;
}

/** GET /api/search */
export interface SearchReply {
  /** Newest first. */
  events: ReceivedEvent[];
  /** How to go on, as `before`; absent when all has been searched. */
  next?: string;
  /** The answer ended because of its time: when what was looked at last was received. */
  searchedToMs?: number;
  /** Something could not be read, so there may be more than was found. */
  unreadable?: string;
}

/** GET /api/status, and `status` in the stream. Counts are exact; they start with the server. */
export interface Status {
  startedAtMs: number;
  trackingUrl: string;
  /** `millrace dev` without configured sources: any write key becomes a source. */
  acceptsAnyWriteKey: boolean;
  /** Why the config file as it stands is not what runs; absent where it is. */
  configFault?: string;
  counts: EventCounts;
  sources: SourceStatus[];
  destinations: DestinationView[];
  router: RouterView;
  log: LogView;
  /** False: delivered, pending, filtered and dead are not known at the moment. */
  ledgerReadable: boolean;
}

export interface EventCounts {
  receivedCount: number;
  duplicateCount: number;
  refusedCount: number;
  /** `refusedCount` by code. */
  refused: Record<string, number>;
}

export interface SourceStatus {
  id: string;
  name: string;
  /** Enough to tell keys apart, not to use one. */
  maskedWriteKey: string;
}

export interface LogView {
  /** What all segment files take, measured at least each minute. */
  bytes: number;
  /** For each partition the position before which it was given up. */
  starts: Record<number, number>;
  /** New events are answered 503, because this bound of the config is passed. */
  refusing?: 'maxBytes' | 'minFreeDiskBytes';
}

export interface RouterView {
  state: 'starting' | 'running' | 'failed';
  /** Why it is not running. */
  reason?: string;
}

export interface DestinationView {
  id: string;
  kind: string;
  /** The key in an event's `integrations` object. */
  name: string;
  /**
   * `failing`: request after request fails. `unauthorized`: it refuses the credentials. `waiting`: the ledger cannot be written,
   * and nothing is sent.
   */
  state: 'starting' | 'running' | 'failing' | 'unauthorized' | 'waiting' | 'stopped' | 'disabled';
  /** Why it is not running. */
  reason?: string;
  /** Since when it is failing, unauthorized or waiting; milliseconds since the epoch. */
  sinceMs?: number;
  /** When one that is failing or unauthorized is asked again, with one event. */
  nextProbeMs?: number;
  deliveredCount: number;
  /** Of those, the ones that got ahead of an earlier event of the same person. */
  reorderedCount: number;
  pendingCount: number;
  /** By filter code. */
  filtered: Record<string, number>;
  /** By failure code. */
  dead: Record<string, number>;
  /** By failure code: those of the dead whose letters were dropped on request. */
  dropped: Record<string, number>;
  /** By failure code: how often a dead letter went back to be tried again. It is not among `dead` any more. */
  revived: Record<string, number>;
  /** Events in the log that it has not got to yet; too high where positions have gaps. */
  lagCount: number;
  lastFailure?: { atMs: number; code: string };
}

/** `received` in the stream. */
export interface ReceivedMessage {
  /** Oldest first. */
  events: ReceivedEvent[];
  /** How many before these were left out because they came faster than they are shown. */
  skippedCount: number;
}

/** `refused` in the stream. */
export interface RefusedMessage {
  /** Oldest first. */
  events: RefusedEvent[];
  skippedCount: number;
}

/** Every reply that is not 200. */
export interface ErrorReply {
  code: string;
  message: string;
}
