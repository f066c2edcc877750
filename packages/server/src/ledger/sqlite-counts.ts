import type { SqliteDatabase, SqliteRow, SqliteValue } from '../sqlite/sqlite.ts';
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
import { COUNT_ROW_MAX } from './event-counts.ts';
import type {
  CountQuery,
  CountedStep,
  EventCount,
  EventCountQuery,
  EventCounts,
  RequestTimes,
} from './event-counts.ts';
import type { Settlement } from './ledger.ts';

/** Far above the minutes of four hours and the hours of eight days at eight destinations; a page never reads more. */
const SLOT_ROW_MAX = 30_000;

/** The table `counter`. Call everything here inside a transaction. */

export interface CountWriter {
  add(settlement: Settlement, nowMs: number): void;
  /** The transaction was undone: the file does not hold what was added in it. */
  forget(): void;
  /** Makes an hour of the oldest minutes of one destination, or drops old hours. Returns whether there was something. */
  tidy(destinationId: string, nowMs: number, maxCount: number): boolean;
}

interface Counter {
  step: Tally['step'];
  code: string;
  count: number;
  /** Without a prototype: a name may be any text. */
  names: Record<string, number>;
}

/** The current minute of one destination, as it stands in the file: the router alone writes that. */
interface Minute {
  bound: NameBound;
  counters: Map<string, Counter>;
}

export function countWriter(db: SqliteDatabase): CountWriter {
  const current = new Map<string, Minute>();
  const sql = {
    put: db.prepare(`
      INSERT INTO counter (width, destination, minute, step, code, count, names) VALUES (?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT DO UPDATE SET count = excluded.count, names = excluded.names`),
    slots: db.prepare(`
      SELECT minute, step, code, names FROM counter
      WHERE width = ? AND destination = ? AND minute >= ? AND minute < ? ORDER BY minute LIMIT ?`),
    oldest: db.prepare('SELECT min(minute) AS minute FROM counter WHERE width = 1 AND destination = ?'),
    dropMinutes: db.prepare(
      'DELETE FROM counter WHERE width = 1 AND destination = ? AND minute >= ? AND minute < ?',
    ),
    hours: db.prepare(`
      SELECT minute FROM counter WHERE width = ${HOUR_MINUTES} AND destination = ? AND minute < ?
      ORDER BY minute LIMIT ?`),
    dropHours: db.prepare(
      `DELETE FROM counter WHERE width = ${HOUR_MINUTES} AND destination = ? AND minute <= ?`,
    ),
  };

  const read = (width: number, destinationId: string, from: number, before: number): SqliteRow[] =>
    sql.slots.all(width, destinationId, from, before, SLOT_ROW_MAX);
  const put = (destinationId: string, width: number, minute: number, counters: Iterable<Counter>): void => {
    for (const { step, code, count, names } of counters) {
      sql.put.run(width, destinationId, minute, step, code, count, JSON.stringify(names));
    }
  };
  const minuteIn = (destinationId: string, minute: number): Minute => {
    const known = current.get(destinationId);
    if (known?.bound.minute === minute) return known;
    const tally = read(1, destinationId, minute, minute + 1).flatMap(tallyIn);
    const counters = new Map<string, Counter>();
    for (const one of tally) addTo(counters, one);
    const loaded = { bound: new NameBound(minute, tally), counters };
    current.set(destinationId, loaded);
    return loaded;
  };
  const makeHour = (destinationId: string, hour: number): void => {
    const rows = read(1, destinationId, hour, hour + HOUR_MINUTES);
    // Where there is more than is read at once, the last minute may not be whole: the next step takes it.
    const last = Number(rows.at(-1)?.['minute']);
    const before =
      rows.length < SLOT_ROW_MAX ? hour + HOUR_MINUTES : Math.max(last, Number(rows[0]?.['minute']) + 1);
    const minutes = rows.filter(({ minute }) => Number(minute) < before);
    const known = read(HOUR_MINUTES, destinationId, hour, hour + 1);
    const counters = new Map<string, Counter>();
    for (const one of rolledUp([...known, ...minutes].flatMap(tallyIn))) addTo(counters, one);
    put(destinationId, HOUR_MINUTES, hour, counters.values());
    sql.dropMinutes.run(destinationId, hour, before);
    current.delete(destinationId);
  };

  return {
    add(settlement, nowMs) {
      const { destinationId } = settlement;
      const minute = minuteOf(nowMs);
      const { bound, counters } = minuteIn(destinationId, minute);
      const changed = tallyOf(settlement, bound).map((one) => addTo(counters, one));
      put(destinationId, 1, minute, new Set(changed));
    },
    forget: () => current.clear(),
    tidy(destinationId, nowMs, maxCount) {
      const oldest = sql.oldest.all(destinationId)[0]?.['minute'];
      const hour = typeof oldest === 'number' ? oldest - (oldest % HOUR_MINUTES) : Infinity;
      if (hour + HOUR_MINUTES <= minuteOf(nowMs - MINUTES_KEPT_MS)) {
        makeHour(destinationId, hour);
        return true;
      }
      const old = sql.hours.all(destinationId, minuteOf(nowMs - HOURS_KEPT_MS), maxCount);
      const last = old.at(-1)?.['minute'];
      if (typeof last !== 'number') return false;
      sql.dropHours.run(destinationId, last);
      return true;
    },
  };
}

function addTo(counters: Map<string, Counter>, { step, code, name, count }: Tally): Counter {
  const key = `${step} ${code}`;
  let counter = counters.get(key);
  if (!counter) counters.set(key, (counter = { step, code, count: 0, names: emptyNames() }));
  counter.count += count;
  counter.names[name] = (counter.names[name] ?? 0) + count;
  return counter;
}

function emptyNames(): Record<string, number> {
  return Object.create(null) as Record<string, number>;
}

function tallyIn({ step, code, names }: SqliteRow): Tally[] {
  const counts = Object.entries(JSON.parse(String(names)) as Record<string, number>);
  return counts.map(([name, count]) => ({ step: step as Tally['step'], code: String(code), name, count }));
}

export function readEventCounts(db: SqliteDatabase, query: EventCountQuery): EventCounts {
  const { byTime = false, byEventName = false } = query;
  const slots = slotRows(db, query, `step <> '${TOOK}'`, byEventName);
  const rows = new Map<string, EventCount>();
  for (const row of slots.rows) {
    const counts = byEventName ? tallyIn(row) : [{ name: '', count: Number(row['count']) }];
    for (const { name, count } of counts) {
      const key = JSON.stringify([
        row['destination'],
        row['step'],
        row['code'],
        row['minute'],
        row['width'],
        name,
      ]);
      const known = rows.get(key);
      if (known) known.count += count;
      else
        rows.set(key, {
          destinationId: String(row['destination']),
          step: row['step'] as CountedStep,
          code: String(row['code']),
          ...timeIn(row, byTime),
          ...(byEventName && { eventName: name }),
          count,
        });
    }
  }
  const sorted = [...rows.values()].toSorted(byTimeAndCount);
  return { rows: sorted.slice(0, COUNT_ROW_MAX), isCut: slots.isCut || sorted.length > COUNT_ROW_MAX };
}

export function readRequestTimes(db: SqliteDatabase, query: CountQuery): RequestTimes[] {
  const { byTime = false } = query;
  const slots = new Map<string, { row: SqliteRow; counts: Map<number, number> }>();
  for (const row of slotRows(db, query, `step = '${TOOK}'`, true).rows) {
    const key = JSON.stringify([row['destination'], row['minute'], row['width']]);
    const slot = slots.get(key) ?? { row, counts: new Map<number, number>() };
    slots.set(key, slot);
    for (const { name, count } of tallyIn(row)) {
      slot.counts.set(Number(name), (slot.counts.get(Number(name)) ?? 0) + count);
    }
  }
  return [...slots.values()]
    .map(({ row, counts }) => ({
      destinationId: String(row['destination']),
      ...timeIn(row, byTime),
      ...timesOf(counts),
    }))
    .toSorted(byTimeAndDestination);
}

function timeIn(row: SqliteRow, byTime: boolean) {
  return byTime ? timeOf(Number(row['minute']), Number(row['width'])) : {};
}

/**
 * One look into the table for each destination and width. Summed by SQLite where names are not asked for; with them each
 * slot is a row, the newest first, so that a cut leaves out the oldest.
 */
function slotRows(
  db: SqliteDatabase,
  query: EventCountQuery,
  where: string,
  withNames: boolean,
): { rows: SqliteRow[]; isCut: boolean } {
  const { destinationId, byTime = false } = query;
  const minutes = slotsOf(query, 1);
  const hours = slotsOf(query, HOUR_MINUTES);
  const place = ['destination', 'step', 'code', ...(byTime ? ['minute', 'width'] : [])];
  const columns = place.map((column) => `counter.${column}`).join(', ');
  const params: SqliteValue[] = [minutes.from, minutes.before, hours.from, hours.before];
  const rows = db
    .prepare(
      `WITH seen AS (SELECT DISTINCT destination FROM cursor ${destinationId === undefined ? '' : 'WHERE destination = ?'}),
         period (width, from_minute, before_minute) AS (VALUES (1, ?, ?), (${HOUR_MINUTES}, ?, ?))
       SELECT ${columns}, ${withNames ? 'counter.names' : 'sum(counter.count) AS count'}
       FROM seen CROSS JOIN period CROSS JOIN counter
         ON counter.width = period.width AND counter.destination = seen.destination
           AND counter.minute >= from_minute AND counter.minute < before_minute
       WHERE ${where} ${withNames ? 'ORDER BY counter.minute DESC' : `GROUP BY ${columns}`}
       LIMIT ${SLOT_ROW_MAX + 1}`,
    )
    .all(...(destinationId === undefined ? params : [destinationId, ...params]));
  return { rows: rows.slice(0, SLOT_ROW_MAX), isCut: rows.length > SLOT_ROW_MAX };
}
