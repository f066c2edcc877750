import type { Settlement } from './ledger.ts';
import { OTHER_NAMES } from './event-counts.ts';
import type { CountQuery, CountedStep, CountedTime, EventCount, RequestTimes } from './event-counts.ts';

/** How events are counted by time: what memory and file have in common. */

/** Minutes are kept at least so long, then added up to hours. */
export const MINUTES_KEPT_MS = 3 * 3_600_000;
/** Seven days can be looked back at, whatever part of an hour it is now. */
export const HOURS_KEPT_MS = 8 * 24 * 3_600_000;

/** Of one destination in one minute or hour; further ones are counted as {@link OTHER_NAMES}. */
export const EVENT_NAME_MAX_COUNT = 50;
/** Longer names are cut, and counted together where the beginning is the same. */
export const EVENT_NAME_MAX_LENGTH = 64;
/** Beside the steps of events, one a request: its name is the number of its duration's step. */
export const TOOK = 'took';

export interface Tally {
  step: CountedStep | typeof TOOK;
  code: string;
  name: string;
  count: number;
}

const MINUTE_MS = 60_000;
export const HOUR_MINUTES = 60;

export function minuteOf(ms: number): number {
  return Math.floor(ms / MINUTE_MS);
}

export function timeOf(minute: number, width: number): Required<CountedTime> {
  return { atMs: minute * MINUTE_MS, widthMs: width * MINUTE_MS };
}

/** From which minute on slots of a width touch the period, and before which. */
export function slotsOf({ fromMs, toMs }: CountQuery, width: number): { from: number; before: number } {
  return { from: minuteOf(fromMs) - width + 1, before: Math.ceil(toMs / MINUTE_MS) };
}

/** What one commit adds. */
export function tallyOf(settlement: Settlement, names: NameBound): Tally[] {
  const { decisions, failures = [], attempt } = settlement;
  const counts = new Map<CountedStep, Map<string, Map<string, number>>>();
  const add = (step: CountedStep, code: string, rawName = ''): void => {
    const byName = child(child(counts, step), code);
    byName.set(rawName, (byName.get(rawName) ?? 0) + 1);
  };
  for (const { outcome, code, eventName } of decisions) add(outcome, code, eventName);
  for (const { code, eventName } of failures) add('failed', code, eventName);
  const tally: Tally[] = [];
  for (const [step, byCode] of counts) {
    for (const [code, byRawName] of byCode) {
      // A name of their own first, since several can become one.
      const byName = new Map<string, number>();
      for (const [rawName, count] of byRawName) {
        const name = names.admit(nameOf(rawName));
        byName.set(name, (byName.get(name) ?? 0) + count);
      }
      for (const [name, count] of byName) tally.push({ step, code, name, count });
    }
  }
  if (attempt) tally.push({ step: TOOK, code: '', name: String(durationStep(attempt.durationMs)), count: 1 });
  return tally;
}

function child<K, L, V>(parent: Map<K, Map<L, V>>, key: K): Map<L, V> {
  let found = parent.get(key);
  if (!found) parent.set(key, (found = new Map<L, V>()));
  return found;
}

function nameOf(raw: string): string {
  // libsql cuts text at a NUL.
  const printable = raw.slice(0, EVENT_NAME_MAX_LENGTH).replaceAll(/\p{Cc}/gu, '\ufffd');
  // Half of a surrogate pair, which the cut may have left, is no text to SQLite.
  return Buffer.from(printable).toString();
}

/** The names of one destination in one minute. */
export class NameBound {
  readonly minute: number;
  readonly #known: Set<string>;

  constructor(minute: number, known: readonly Tally[]) {
    this.minute = minute;
    this.#known = new Set(known.filter(isNamed).map(({ name }) => name));
  }

  admit(name: string): string {
    if (name === '' || this.#known.has(name)) return name;
    if (this.#known.size >= EVENT_NAME_MAX_COUNT) return OTHER_NAMES;
    this.#known.add(name);
    return name;
  }
}

/** Whether the name is an event's own. */
function isNamed({ step, name }: Tally): boolean {
  return step !== TOOK && name !== '' && name !== OTHER_NAMES;
}

/** Minutes of one destination as one hour: the most frequent names stay, the rest becomes one. */
export function rolledUp(minutes: readonly Tally[]): Tally[] {
  const byName = new Map<string, number>();
  for (const { name, count } of minutes.filter(isNamed)) byName.set(name, (byName.get(name) ?? 0) + count);
  const kept = [...byName].toSorted(([, a], [, b]) => b - a).slice(0, EVENT_NAME_MAX_COUNT);
  const names = new Set(kept.map(([name]) => name)).add('');
  const hour = new Map<string, Tally>();
  for (const { step, code, name: own, count } of minutes) {
    const name = step === TOOK || names.has(own) ? own : OTHER_NAMES;
    const key = JSON.stringify([step, code, name]);
    const sum = hour.get(key);
    if (sum) sum.count += count;
    else hour.set(key, { step, code, name, count });
  }
  return [...hour.values()];
}

const STEPS_A_DOUBLING = 4;
const LAST_STEP = 80;

function durationStep(durationMs: number): number {
  const step = Math.ceil(STEPS_A_DOUBLING * Math.log2(Math.max(1, durationMs)));
  return Math.min(LAST_STEP, step);
}

/** @param counts Step of the duration → requests. */
export function timesOf(
  counts: ReadonlyMap<number, number>,
): Pick<RequestTimes, 'requestCount' | 'p50Ms' | 'p95Ms'> {
  const steps = [...counts].toSorted(([a], [b]) => a - b);
  const requestCount = steps.reduce((sum, [, count]) => sum + count, 0);
  const percentile = (share: number): number => {
    let sum = 0;
    for (const [step, count] of steps) {
      sum += count;
      if (sum >= share * requestCount) return Math.round(2 ** (step / STEPS_A_DOUBLING));
    }
    return 0;
  };
  return { requestCount, p50Ms: percentile(0.5), p95Ms: percentile(0.95) };
}

type Place = Pick<EventCount, 'atMs' | 'destinationId'>;

export function byTimeAndDestination(a: Place, b: Place): number {
  return (a.atMs ?? 0) - (b.atMs ?? 0) || compare(a.destinationId, b.destinationId);
}

export function byTimeAndCount(a: EventCount, b: EventCount): number {
  return (
    byTimeAndDestination(a, b) ||
    b.count - a.count ||
    compare(a.step, b.step) ||
    compare(a.code, b.code) ||
    compare(a.eventName ?? '', b.eventName ?? '')
  );
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
