import { USER_COUNT, enrich, messageId, messageOf } from '../event.mjs';

/** A library that flushes every ten seconds sends a hundred events so far apart. */
const APART_MS = 100;

/**
 * Bodies for the Tracking API, with ids that never come twice: a repeated one would be dropped as a duplicate.
 * @param {number} eventCount 1 posts single events, more posts batches of so many; a divisor of 1,000.
 */
export function createBodies(eventCount) {
  // One after the other they go through all users: events of the same user would have to wait for each other.
  const templates = Array.from({ length: USER_COUNT / eventCount }, (_, at) =>
    templateOf(at * eventCount, eventCount),
  );
  let lastTemplate = 0;
  let lastId = 0;
  return {
    path: eventCount === 1 ? '/v1/track' : '/v1/batch',
    eventCount,
    next() {
      const { bytes, idOffsets } = templates[lastTemplate++ % templates.length];
      const body = Buffer.from(bytes);
      for (const offset of idOffsets) body.write(messageId(++lastId), offset, 'latin1');
      return body;
    },
  };
}

/**
 * @param {number} firstIndex
 * @param {number} eventCount
 */
function templateOf(firstIndex, eventCount) {
  // Times of today: the timestamps of a batch whose sentAt is a day off would be left as they are.
  const sentAtMs = Date.now();
  const isoAt = (at) => new Date(sentAtMs - (eventCount - at) * APART_MS).toISOString();
  const events = Array.from({ length: eventCount }, (_, at) => ({
    ...enrich(messageOf(firstIndex + at), messageId(at)),
    timestamp: isoAt(at),
  }));
  const sentAt = new Date(sentAtMs).toISOString();
  const bytes = Buffer.from(JSON.stringify(eventCount === 1 ? events[0] : { batch: events, sentAt }));
  return { bytes, idOffsets: events.map(({ messageId }) => bytes.indexOf(messageId)) };
}

/** @typedef {ReturnType<typeof createBodies>} Bodies */
