import type { Partition } from '../log/log.ts';
import { DEAD_PAGE_MAX_COUNT, DEAD_SCAN_COUNT } from './dead-letters.ts';
import type {
  DeadChange,
  DeadFilter,
  DeadLetterLine,
  DeadLetterView,
  DeadListPlace,
  DeadPage,
  DeadPlace,
  DeadSelection,
} from './dead-letters.ts';
import type { RevivedEvent, Settlement } from './ledger.ts';

/** The dead letters of a ledger without a file. */
export interface MemoryDead {
  commit(settlement: Settlement): void;
  change(action: 'retry' | 'drop', selection: DeadSelection): DeadChange;
  revive(
    destinationId: string,
    partition: Partition,
    limit: { maxCount: number; maxBytes: number },
  ): RevivedEvent[];
  /** Whether there are letters of which a retry was asked. */
  isAsked(destinationId: string, partition: Partition): boolean;
  list(filter: DeadFilter, page: { maxCount: number; after?: DeadListPlace }): DeadPage;
  letter(place: DeadPlace): DeadLetterView | undefined;
  /** The copy of an event that is pending again. */
  copyOf(place: DeadPlace): Buffer | undefined;
  /** By destination and code. */
  readonly revivedCounts: ReadonlyMap<string, Record<string, number>>;
  readonly droppedCounts: ReadonlyMap<string, Record<string, number>>;
}

export function memoryDead(): MemoryDead {
  const letters = new Map<string, DeadLetterView>();
  const copies = new Map<string, Buffer>();
  const revivedCounts = new Map<string, Record<string, number>>();
  const droppedCounts = new Map<string, Record<string, number>>();

  const newestFirst = (): DeadLetterView[] => [...letters.values()].toSorted((a, b) => order(b, a));
  const slice = (filter: DeadFilter, after?: DeadListPlace): { found: DeadLetterView[]; isAll: boolean } => {
    const { fromMs = 0, toMs = Infinity } = filter;
    const rest = newestFirst().filter(
      (letter) => letter.diedAtMs >= fromMs && letter.diedAtMs < toMs && (!after || order(letter, after) < 0),
    );
    return { found: rest.slice(0, DEAD_SCAN_COUNT), isAll: rest.length < DEAD_SCAN_COUNT };
  };
  const askedOf = (destinationId: string, partition: Partition): DeadLetterView[] =>
    [...letters.values()]
      .filter((letter) => letter.destinationId === destinationId && letter.partition === partition)
      .filter((letter) => letter.retryAskedAtMs !== undefined);

  return {
    revivedCounts,
    droppedCounts,
    commit({ destinationId, partition, decisions, dead }) {
      for (const { position } of decisions) copies.delete(keyOf({ destinationId, partition, position }));
      for (const letter of dead) {
        const place = { destinationId, partition, position: letter.position };
        letters.set(keyOf(place), { ...structuredClone(letter), ...place, event: Buffer.from(letter.event) });
      }
    },
    change(action, selection) {
      const { found, isAll } =
        'places' in selection
          ? { found: selection.places.flatMap((place) => letters.get(keyOf(place)) ?? []), isAll: true }
          : slice(selection.filter, selection.after);
      const meant =
        'places' in selection ? found : found.filter((letter) => isMeant(letter, selection.filter));
      const changed = action === 'drop' ? meant : meant.filter((letter) => !('retryAskedAtMs' in letter));
      for (const letter of changed) {
        if (action === 'retry') letter.retryAskedAtMs = 0;
        else letters.delete(keyOf(letter));
        if (action === 'drop') count(droppedCounts, letter);
      }
      const last = found.at(-1);
      return { count: changed.length, ...(!isAll && last && { next: listPlaceOf(last) }) };
    },
    revive(destinationId, partition, { maxCount, maxBytes }) {
      if (maxBytes <= 0) return [];
      const asked = askedOf(destinationId, partition).toSorted((a, b) => a.position - b.position);
      const revived: RevivedEvent[] = [];
      let bytes = 0;
      for (const letter of asked.slice(0, maxCount)) {
        bytes += letter.event.length;
        if (revived.length > 0 && bytes > maxBytes) break;
        letters.delete(keyOf(letter));
        copies.set(keyOf(letter), letter.event);
        count(revivedCounts, letter);
        revived.push({ position: letter.position, attemptCount: 0, notBeforeMs: 0, event: letter.event });
      }
      return revived;
    },
    isAsked: (destinationId, partition) => askedOf(destinationId, partition).length > 0,
    list(filter, { maxCount, after }) {
      const { found, isAll } = slice(filter, after);
      const meant = found.filter((letter) => isMeant(letter, filter));
      const page = meant.slice(0, Math.min(maxCount, DEAD_PAGE_MAX_COUNT));
      const next = page.length < meant.length ? page.at(-1) : isAll ? undefined : found.at(-1);
      return { letters: page.map(lineOf), ...(next && { next: listPlaceOf(next) }) };
    },
    letter: (place) => letters.get(keyOf(place)),
    copyOf: (place) => copies.get(keyOf(place)),
  };
}

function isMeant(letter: DeadLetterLine, { destinationId, code, eventName }: DeadFilter): boolean {
  return (
    (destinationId === undefined || letter.destinationId === destinationId) &&
    (code === undefined || letter.code === code) &&
    (eventName === undefined || letter.eventName === eventName)
  );
}

function lineOf(letter: DeadLetterView): DeadLetterLine {
  const { event: _event, exchange: _exchange, ...line } = letter;
  return line;
}

function count(
  counts: Map<string, Record<string, number>>,
  { destinationId, code }: { destinationId: string; code: string },
): void {
  const byCode = counts.get(destinationId) ?? {};
  byCode[code] = (byCode[code] ?? 0) + 1;
  counts.set(destinationId, byCode);
}

function order(a: DeadListPlace, b: DeadListPlace): number {
  if (a.diedAtMs !== b.diedAtMs) return a.diedAtMs - b.diedAtMs;
  if (a.destinationId !== b.destinationId) return a.destinationId < b.destinationId ? -1 : 1;
  return a.partition - b.partition || a.position - b.position;
}

function listPlaceOf({ diedAtMs, destinationId, partition, position }: DeadListPlace): DeadListPlace {
  return { diedAtMs, destinationId, partition, position };
}

function keyOf({ destinationId, partition, position }: DeadPlace): string {
  return `${destinationId}:${partition}:${position}`;
}
