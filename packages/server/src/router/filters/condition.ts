import type { SegmentEvent } from '@millrace/spec';
import type { Condition } from '../../destinations/destination.ts';
import { parseFql } from '../../fql/index.ts';

export type Predicate = (event: SegmentEvent) => boolean;

/**
 * What a checked config says, as a function.
 * @throws The function that is returned throws what one of the config does, and a TypeError where that does not return
 * true or false: a promise would always be true.
 */
export function predicateOf(condition: Condition | undefined): Predicate {
  if (condition === undefined) return () => true;
  if (typeof condition === 'string') return parseFql(condition);
  if (typeof condition === 'function') {
    return (event) => {
      // A copy: whatever it does to the event must not reach the order, the filters after it or the destination.
      const meets: unknown = condition(structuredClone(event));
      if (typeof meets !== 'boolean') throw new TypeError('a condition must return true or false');
      return meets;
    };
  }
  const types = condition.types && new Set<string>(condition.types);
  const names = condition.names && new Set<unknown>(condition.names);
  const matches = condition.fql === undefined ? undefined : parseFql(condition.fql);
  return (event) =>
    (!types || types.has(event.type)) && (!names || names.has(nameOf(event))) && (!matches || matches(event));
}

/** A group's `name` or an identify's is no name of what happened. */
function nameOf(event: SegmentEvent): string | undefined {
  if (event.type === 'track') return event.event;
  return event.type === 'page' || event.type === 'screen' ? event.name : undefined;
}
