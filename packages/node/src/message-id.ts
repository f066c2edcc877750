import { randomFillSync, randomUUID } from 'node:crypto';

const ID_BYTES = 16;
const POOL_BYTES = 256 * ID_BYTES;

export type NextMessageId = () => string;

/**
 * Ids in the form of analytics-node, `node-<32 hex digits>-<uuid>`. It hashed the message for the
 * first part; random digits do the same for a fraction of the time. They are drawn in bulk.
 */
export function createMessageIds(fill: (bytes: Buffer) => Buffer = randomFillSync): NextMessageId {
  const bytes = Buffer.alloc(POOL_BYTES);
  let digits = '';
  let next = 0;
  return () => {
    if (next === digits.length) {
      digits = fill(bytes).toString('hex');
      next = 0;
    }
    const start = next;
    next += 2 * ID_BYTES;
    return `node-${digits.slice(start, next)}-${randomUUID()}`;
  };
}
