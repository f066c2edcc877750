import { FLAG_TIMESTAMP_SKEWED } from '../log/log.ts';

/** Beyond this the sender's clock is wrong about the date, and its timestamps are left alone. */
const SKEW_MAX_MS = 24 * 60 * 60 * 1_000;

/** What a Date can hold, on either side of 1970. */
const DATE_MAX_MS = 8.64e15;

/** The times that an event came with; both valid or absent. Null counts as absent. */
export interface SentTimes {
  timestamp?: unknown;
  sentAt?: unknown;
}

/** Type alias, not interface: it is spread over an event's open set of fields. */
export type Stamps = {
  receivedAt: string;
  timestamp: string;
  /** Absent when no timestamp was sent. */
  originalTimestamp?: string;
};

export interface Stamped {
  stamps: Stamps;
  /** For the log's record of the event. */
  flags: number;
}

export type Stamp = (sent: SentTimes) => Stamped;

/**
 * Gives events that were received together their times. `timestamp` is moved by as much as the
 * sender's clock is off (`receivedAt − (sentAt − timestamp)`), so a historical timestamp keeps its
 * distance to `sentAt`. It stands as sent where there is no `sentAt`, or one more than 24 h off,
 * which sets the flag.
 * Source: https://segment.com/docs/connections/spec/common/#timestamps
 */
export function stamper(receivedAtMs: number): Stamp {
  const isoOf = isoWriter();
  const receivedAt = isoOf(receivedAtMs);
  // A batch has one `sentAt` for all of its events: it is read once.
  let sentAt: unknown;
  let aheadMs: number | undefined;
  return (sent) => {
    if (sent.sentAt !== sentAt) {
      sentAt = sent.sentAt;
      aheadMs = typeof sentAt === 'string' ? receivedAtMs - Date.parse(sentAt) : undefined;
    }
    const skewed = aheadMs !== undefined && Math.abs(aheadMs) > SKEW_MAX_MS;
    const flags = skewed ? FLAG_TIMESTAMP_SKEWED : 0;
    if (typeof sent.timestamp !== 'string') {
      return { stamps: { receivedAt, timestamp: receivedAt }, flags };
    }
    const timestamp =
      aheadMs === undefined || skewed ? sent.timestamp : moved(sent.timestamp, aheadMs, isoOf);
    return { stamps: { receivedAt, timestamp, originalTimestamp: sent.timestamp }, flags };
  };
}

function moved(timestamp: string, byMs: number, isoOf: (ms: number) => string): string {
  const movedMs = Date.parse(timestamp) + byMs;
  // A valid date at the very edge of what a Date can hold may move over it.
  return Math.abs(movedMs) > DATE_MAX_MS ? timestamp : isoOf(movedMs);
}

/**
 * Writes a time as `toISOString` does. That takes half a microsecond, and much of what comes in one request is of the same
 * second: then only the milliseconds are written anew.
 */
function isoWriter(): (ms: number) => string {
  let writtenSecond = NaN;
  let prefix = '';
  return (ms) => {
    const second = Math.floor(ms / 1_000);
    if (second !== writtenSecond) {
      writtenSecond = second;
      prefix = new Date(ms).toISOString().slice(0, -'000Z'.length);
    }
    return `${prefix}${String(ms - second * 1_000).padStart(3, '0')}Z`;
  };
}
