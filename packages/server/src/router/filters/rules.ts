import type { FilterCode, SegmentEvent } from '@millrace/spec';
import type { EventFilter } from '../../destinations/destination.ts';
import { predicateOf, type Predicate } from './condition.ts';
import { allower, blocker } from './fields.ts';
import { placeOf } from './sampling.ts';

/** The `filters` of one destination. */
export interface Rules {
  /** Whether there is code of the config in them, which may throw. */
  readonly runsCode: boolean;
  /** Whether an event that is delivered may lose fields. */
  readonly shapes: boolean;
  /**
   * Why the event is not delivered, or undefined when it is.
   * @throws What a condition throws.
   */
  codeOf(event: SegmentEvent): FilterCode | undefined;
  /**
   * Takes fields out of `copy`, which is a copy of `event`.
   * @throws What a condition throws.
   */
  shape(copy: SegmentEvent, event: SegmentEvent): void;
}

type Step = { meets: Predicate; code: FilterCode };
type Shaping = { meets: Predicate; apply: (event: SegmentEvent) => void };

/**
 * In the order in which Segment applies destination filters: sample, drop and only, block fields, allow fields.
 * Source: https://www.twilio.com/docs/segment/connections/destinations/destination-filters
 */
export function rulesOf(filters: readonly EventFilter[] = []): Rules {
  const sampling: Step[] = [];
  const dropping: Step[] = [];
  const blocking: Shaping[] = [];
  const allowing: Shaping[] = [];
  for (const filter of filters) {
    const meets = predicateOf(filter.when);
    switch (filter.action) {
      case 'sample': {
        const share = filter.percent / 100;
        const isOut: Predicate = (event) => meets(event) && placeOf(event) >= share;
        sampling.push({ meets: isOut, code: 'FILTERED_BY_SAMPLING' });
        break;
      }
      case 'drop':
        dropping.push({ meets, code: 'FILTERED_BY_RULES' });
        break;
      case 'only':
        dropping.push({ meets: (event) => !meets(event), code: 'FILTERED_BY_RULES' });
        break;
      case 'blockFields':
        blocking.push({ meets, apply: blocker(filter.fields) });
        break;
      case 'allowFields':
        allowing.push({ meets, apply: allower(filter.fields) });
        break;
    }
  }
  const steps = [...sampling, ...dropping];
  const shapings = [...blocking, ...allowing];
  return {
    runsCode: filters.some(({ when }) => typeof when === 'function'),
    shapes: shapings.length > 0,
    codeOf: (event) => steps.find(({ meets }) => meets(event))?.code,
    shape(copy, event) {
      for (const { meets, apply } of shapings) if (meets(event)) apply(copy);
    },
  };
}
