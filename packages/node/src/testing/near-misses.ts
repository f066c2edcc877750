import { inspect } from 'node:util';
import { differences, type Difference } from './differences.ts';
import { titleOf, type RecordedEvent } from './recorded-event.ts';

/** What was looked for: a type, and some of the fields. */
export interface Wanted {
  type: string;
  [key: string]: unknown;
}

const MAX_NEAR_MISSES = 3;
/** Past it only how many there are: a test that records thousands needs no list of them. */
const MAX_LISTED = 20;

/** Why nothing that was recorded is what was wanted: how the closest differ, and what there is. */
export function explainMissing(wanted: Wanted, events: readonly RecordedEvent[]): string {
  const fields = differences(wanted, {}).filter(({ path }) => path[0] !== 'type');
  const asked = fields.map(({ path, wanted }) => `  ${path.join('.')}: ${show(wanted)}`);
  const lines = [`Expected ${titleOf(wanted)}, but no such event was recorded. Wanted:`, ...asked];
  if (events.length === 0) return [...lines, '', 'Nothing was recorded.'].join('\n');

  for (const { index, missing } of nearMisses(wanted, events)) {
    const event = events[index]!;
    lines.push('', `Closest: event ${index + 1} of ${events.length}, ${titleOf(event)}`);
    lines.push(...missing.map(explain));
  }
  return [...lines, '', ...listed(events)].join('\n');
}

/** What was recorded although it should not have been. */
export function explainPresent(wanted: Wanted, index: number, events: readonly RecordedEvent[]): string {
  const event = events[index]!;
  return [
    `Expected no ${titleOf(wanted)}, but event ${index + 1} of ${events.length} is one:`,
    inspect(event, { depth: 6 }),
  ].join('\n');
}

interface NearMiss {
  index: number;
  missing: Difference[];
}

/** Those of the same type and, where one was named, the same event; fewest differences first. */
function nearMisses(wanted: Wanted, events: readonly RecordedEvent[]): NearMiss[] {
  const ofType = events
    .map((event, index): NearMiss => ({ index, missing: differences(wanted, event) }))
    .filter(({ index }) => events[index]!.type === wanted.type);
  const sameName = ofType.filter(({ missing }) => !missing.some(({ path }) => path[0] === 'event'));
  const near = sameName.length > 0 ? sameName : ofType;
  return near.toSorted((one, other) => one.missing.length - other.missing.length).slice(0, MAX_NEAR_MISSES);
}

function explain({ path, wanted, was }: Difference): string {
  return `  ${path.join('.')}\n    - wanted ${show(wanted)}\n    + was    ${show(was)}`;
}

function listed(events: readonly RecordedEvent[]): string[] {
  const lines = events.slice(0, MAX_LISTED).map((event, index) => `  ${index + 1}. ${titleOf(event)}`);
  const more = events.length - lines.length;
  return ['Recorded:', ...lines, ...(more > 0 ? [`  and ${more} more`] : [])];
}

function show(value: unknown): string {
  return inspect(value, { depth: 4, breakLength: Infinity });
}
