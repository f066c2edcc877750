import { integrationVerdict, type FilterCode, type SegmentEvent } from '@millrace/spec';
import type { Destination } from '../destinations/destination.ts';
import { rulesOf, type Rules } from './filters/rules.ts';

/** Why the destination is not given an event that is read now, or undefined when it is. Throws nothing. */
export type FilterOnReading = (event: SegmentEvent, nowMs: number) => FilterCode | undefined;

/**
 * In this order: the types that the destination accepts, the event's `integrations` object, its age, the rules of the
 * config. An event of which a rule throws goes on: what sends it finds that out again, and it becomes a dead letter.
 */
export function filterOnReading(
  destinationId: string,
  destination: Destination,
  { rules = rulesOf(), maxEventAgeMs }: { rules?: Rules; maxEventAgeMs?: number | undefined } = {},
): FilterOnReading {
  const accepted: ReadonlySet<string> = new Set(destination.accepts);
  const target = {
    id: destinationId,
    name: destination.name,
    aliases: destination.aliases ?? [],
    storage: destination.storage,
  };
  return (event, nowMs) => {
    if (!accepted.has(event.type)) return 'UNSUPPORTED_EVENT_TYPE';
    const verdict = integrationVerdict(event, target);
    if (!verdict.send) return verdict.code;
    if (maxEventAgeMs !== undefined && nowMs - Date.parse(event.timestamp) > maxEventAgeMs) {
      return 'TOO_OLD_FOR_DESTINATION';
    }
    try {
      return rules.codeOf(event);
    } catch {
      return undefined;
    }
  };
}
