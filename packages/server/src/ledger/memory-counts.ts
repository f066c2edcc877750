import {
  byTimeAndCount,
  byTimeAndDestination,
  HOUR_MINUTES,
  HOURS_KEPT_MS,
  MINUTES_KEPT_MS,
  minuteOf,
  NameBound,
  rolledUp,
  slotsOf,
  tallyOf,
  timeOf,
  timesOf,
  TOOK,
} from './counts.ts';
import type { Tally } from './counts.ts';
import type { CountQuery, EventCount, EventCountQuery, RequestTimes } from './event-counts.ts';
import type { LedgerReader, Settlement } from './ledger.ts';

interface Slot {
  destinationId: string;
  minute: number;
  width: number;
  tally: Tally[];
}

export interface MemoryCounts extends Pick<LedgerReader, 'eventCounts' | 'requestTimes'> {
  add(settlement: Settlement, nowMs: number): void;
  tidy(nowMs: number): void;
}

/** What the table `counter` is to the file. */
export function memoryCounts(): MemoryCounts {
  let slots: Slot[] = [];
  const slotOf = (destinationId: string, minute: number, width: number): Slot => {
    const isIt = (slot: Slot): boolean =>
      slot.destinationId === destinationId && slot.minute === minute && slot.width === width;
    const found = slots.find(isIt) ?? { destinationId, minute, width, tally: [] };
    if (!slots.includes(found)) slots.push(found);
    return found;
  };
  const within = (query: CountQuery): Slot[] =>
    slots.filter(({ destinationId, minute, width }) => {
      const { from, before } = slotsOf(query, width);
      const isAsked = query.destinationId === undefined || query.destinationId === destinationId;
      return isAsked && minute >= from && minute < before;
    });

  return {
    add(settlement, nowMs) {
      const slot = slotOf(settlement.destinationId, minuteOf(nowMs), 1);
      slot.tally.push(...tallyOf(settlement, new NameBound(slot.minute, slot.tally)));
    },
    tidy(nowMs) {
      const isDue = (slot: Slot): boolean =>
        slot.width === 1 && hourOf(slot) + HOUR_MINUTES <= minuteOf(nowMs - MINUTES_KEPT_MS);
      for (let due = slots.find(isDue); due; due = slots.find(isDue)) {
        const { destinationId } = due;
        const hour = hourOf(due);
        const isOfIt = (slot: Slot): boolean =>
          slot.width === 1 && slot.destinationId === destinationId && hourOf(slot) === hour;
        const minutes = slots.filter(isOfIt);
        slots = slots.filter((slot) => !isOfIt(slot));
        const slot = slotOf(destinationId, hour, HOUR_MINUTES);
        slot.tally = rolledUp([...slot.tally, ...minutes.flatMap(({ tally }) => tally)]);
      }
      slots = slots.filter(({ minute, width }) => width === 1 || minute >= minuteOf(nowMs - HOURS_KEPT_MS));
    },
    eventCounts(query: EventCountQuery) {
      const rows = new Map<string, EventCount>();
      for (const { destinationId, minute, width, tally } of within(query)) {
        for (const { step, code, name, count } of tally) {
          if (step === TOOK) continue;
          const row = {
            destinationId,
            step,
            code,
            ...(query.byTime && timeOf(minute, width)),
            ...(query.byEventName && { eventName: name }),
          };
          const key = JSON.stringify(row);
          rows.set(key, { ...row, count: (rows.get(key)?.count ?? 0) + count });
        }
      }
      const sorted = [...rows.values()].toSorted(byTimeAndCount);
      return { rows: sorted, isCut: false };
    },
    requestTimes(query) {
      const found = new Map<
        string,
        { row: Pick<RequestTimes, 'destinationId' | 'atMs'>; counts: Map<number, number> }
      >();
      for (const { destinationId, minute, width, tally } of within(query)) {
        const row = { destinationId, ...(query.byTime && timeOf(minute, width)) };
        const key = JSON.stringify(row);
        for (const { step, name, count } of tally) {
          if (step !== TOOK) continue;
          const slot = found.get(key) ?? { row, counts: new Map<number, number>() };
          found.set(key, slot);
          slot.counts.set(Number(name), (slot.counts.get(Number(name)) ?? 0) + count);
        }
      }
      return [...found.values()]
        .map(({ row, counts }) => ({ ...row, ...timesOf(counts) }))
        .toSorted(byTimeAndDestination);
    },
  };
}

function hourOf({ minute }: Slot): number {
  return minute - (minute % HOUR_MINUTES);
}
