import { createHash } from 'node:crypto';
import type { SegmentEvent } from '@millrace/spec';

/**
 * Where the event's user stands among all, from 0 to 1 and always the same, at every destination: whoever is among 10 % is
 * among 20 % too. An event without a user stands by itself.
 */
export function placeOf({ userId, anonymousId, messageId }: SegmentEvent): number {
  const user = userId || anonymousId || messageId;
  return createHash('sha256').update(user).digest().readUIntBE(0, 6) / 2 ** 48;
}
