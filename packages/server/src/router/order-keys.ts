import type { SegmentEvent } from '@millrace/spec';

/**
 * What one person's events have in common, within a source. Events that share a key stay in order.
 * One namespace for all three fields: `alias` makes an anonymousId of yesterday (`previousId`) the
 * same person as a userId, and SDKs pass either where the other is expected.
 */
export function orderKeys(sourceId: string, event: SegmentEvent): string[] {
  const keys: string[] = [];
  for (const id of [event.userId, event.anonymousId, event.previousId as unknown]) {
    // A previousId may be a number on the wire; as text it is the userId that it stands for.
    if ((typeof id !== 'string' && typeof id !== 'number') || id === '') continue;
    const key = `${sourceId}\u0000${id}`;
    if (!keys.includes(key)) keys.push(key);
  }
  return keys;
}
