import type { JsonObject } from '@millrace/spec';

/** What the console's API says of dead letters. Free of anything that a browser does not have. */

/** A dead letter without its event. */
export interface DeadLetterLineReply {
  /** `<destination>:<partition>:<position>` */
  id: string;
  destinationId: string;
  partition: number;
  position: number;
  messageId: string;
  /** Of a track event its `event`, of a page or screen its `name`. */
  eventName?: string;
  code: string;
  attemptCount: number;
  diedAtMs: number;
  /** A retry was asked for, and it has not gone back to its destination yet. */
  retryAskedAtMs?: number;
}

/** GET /api/dead */
export interface DeadListReply {
  /** The newest first. */
  letters: DeadLetterLineReply[];
  /** More may follow, behind an empty page too: pass it on as `next`. */
  next?: string;
}

/** GET /api/dead/:destination/:partition/:position */
export interface DeadLetterReply extends DeadLetterLineReply {
  /** The event as text, since a browser's numbers would change what the ledger holds. */
  json: string;
  /** What was sent and answered last, without secrets; absent where the destination says nothing of it. */
  exchange?: JsonObject;
}

/** POST /api/dead/retry and /api/dead/drop */
export interface DeadChangeReply {
  /** How many it changed; those of which a retry was asked before do not count again. */
  count: number;
  /** More may be meant: send the same again with this as `next`. */
  next?: string;
}
