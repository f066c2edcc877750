import { integrationVerdict, type FilterCode, type SegmentEvent } from '@millrace/spec';
import type { Destination } from '../destinations/destination.ts';

/** Why the destination is not given the event, or undefined when it is. */
export function filterCodeOf(
  event: SegmentEvent,
  destinationId: string,
  destination: Destination,
): FilterCode | undefined {
  if (!destination.accepts.includes(event.type)) return 'UNSUPPORTED_EVENT_TYPE';
  const verdict = integrationVerdict(event, {
    id: destinationId,
    name: destination.name,
    aliases: destination.aliases ?? [],
    storage: destination.storage,
  });
  return verdict.send ? undefined : verdict.code;
}
