import type { SegmentEvent } from '@millrace/spec';

/** What people know the event by. */
export function eventNameOf({ type, event, name }: SegmentEvent): string | undefined {
  const named = type === 'track' ? event : type === 'page' || type === 'screen' ? name : undefined;
  return typeof named === 'string' ? named : undefined;
}
