import type { SqliteDatabase, SqliteRow, SqliteValue } from '../sqlite/sqlite.ts';
import {
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
import type { CountQuery, CountedStep, EventCountQuery, EventCounts, RequestTimes } from './event-counts.ts';
import type { Settlement } from './ledger.ts';

/** The table `counter`. Call everything here inside a transaction. */

export interface CountWriter {
  add(settlement: Settlement, nowMs: number): void;
  /** Makes an hour of the oldest minutes of one destination, or drops old hours. Returns whether there was something. */
  tidy(destinationId: string, nowMs: number, maxCount: number): boolean;
}

export function countWriter(db: SqliteDatabase): CountWriter {
  const bounds = new Map<string, NameBound>();
  const sql = {
    add: db.prepare(`
      INSERT INTO counter (width, destination, minute, step, code, name, count) VALUES (?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT DO UPDATE SET count = count + excluded.count`),
    names: db.prepare(
      'SELECT DISTINCT name FROM counter WHERE width = 1 AND destination = ? AND minute = ? LIMIT 1000',
    ),
    oldest: db.prepare('SELECT min(minute) AS minute FROM counter WHERE width = 1 AND destination = ?'),
    minutes: db.prepare(`
      SELECT step, code, name, sum(count) AS count FROM counter
      WHERE width = 1 AND destination = ? AND minute >= ? AND minute < ? GROUP BY step, code, name LIMIT ?`),
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

  const boundOf = (destinationId: string, minute: number): NameBound => {
    const known = bounds.get(destinationId);
    if (known?.minute === minute) return known;
    const bound = new NameBound(
      minute,
      sql.names.all(destinationId, minute).map(({ name }) => String(name)),
    );
    bounds.set(destinationId, bound);
    return bound;
  };
  const put = (destinationId: string, width: number, minute: number, tally: readonly Tally[]): void => {
    for (const { step, code, name, count } of tally) {
      sql.add.run(width, destinationId, minute, step, code, name, count);
    }
  };

  return {
    add(settlement, nowMs) {
      const { destinationId } = settlement;
      const minute = minuteOf(nowMs);
      put(destinationId, 1, minute, tallyOf(settlement, boundOf(destinationId, minute)));
    },
    tidy(destinationId, nowMs, maxCount) {
      const oldest = sql.oldest.all(destinationId)[0]?.['minute'];
      const hour = typeof oldest === 'number' ? oldest - (oldest % HOUR_MINUTES) : Infinity;
      if (hour + HOUR_MINUTES <= minuteOf(nowMs - MINUTES_KEPT_MS)) {
        const rows = sql.minutes.all(destinationId, hour, hour + HOUR_MINUTES, COUNT_ROW_MAX);
        put(destinationId, HOUR_MINUTES, hour, rolledUp(rows.map(tallyIn)));
        sql.dropMinutes.run(destinationId, hour, hour + HOUR_MINUTES);
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

function tallyIn({ step, code, name, count }: SqliteRow): Tally {
  return { step: step as Tally['step'], code: String(code), name: String(name), count: Number(count) };
}

export function readEventCounts(db: SqliteDatabase, query: EventCountQuery): EventCounts {
  const { byTime = false, byEventName = false } = query;
  const columns = ['destination', 'step', 'code', ...timeColumns(byTime), ...(byEventName ? ['name'] : [])];
  const found = rowsOf(db, query, `step <> '${TOOK}'`, columns);
  const rows = found.slice(0, COUNT_ROW_MAX).map((row) => ({
    destinationId: String(row['destination']),
    step: row['step'] as CountedStep,
    code: String(row['code']),
    ...timeIn(row, byTime),
    ...(byEventName && { eventName: String(row['name']) }),
    count: Number(row['count']),
  }));
  return { rows, isCut: found.length > COUNT_ROW_MAX };
}

export function readRequestTimes(db: SqliteDatabase, query: CountQuery): RequestTimes[] {
  const { byTime = false } = query;
  const columns = ['destination', 'code', ...timeColumns(byTime)];
  const slots = new Map<string, { row: SqliteRow; counts: Map<number, number> }>();
  for (const row of rowsOf(db, query, `step = '${TOOK}'`, columns).slice(0, COUNT_ROW_MAX)) {
    const key = JSON.stringify([row['destination'], row['minute'], row['width']]);
    const slot = slots.get(key) ?? { row, counts: new Map<number, number>() };
    slots.set(key, slot);
    slot.counts.set(Number(row['code']), Number(row['count']));
  }
  return [...slots.values()].map(({ row, counts }) => ({
    destinationId: String(row['destination']),
    ...timeIn(row, byTime),
    ...timesOf(counts),
  }));
}

function timeColumns(byTime: boolean): string[] {
  return byTime ? ['minute', 'width'] : [];
}

function timeIn(row: SqliteRow, byTime: boolean) {
  return byTime ? timeOf(Number(row['minute']), Number(row['width'])) : {};
}

/** One more than may be shown where there are so many. One look into the table for each destination and width. */
function rowsOf(
  db: SqliteDatabase,
  query: CountQuery,
  where: string,
  columns: readonly string[],
): SqliteRow[] {
  const { destinationId } = query;
  const minutes = slotsOf(query, 1);
  const hours = slotsOf(query, HOUR_MINUTES);
  const own = destinationId === undefined ? '' : 'WHERE destination = ?';
  const named = columns.map((column) => `counter.${column}`).join(', ');
  const sorted = ['minute', 'destination', 'count DESC', 'step', 'code', 'name'];
  const order = sorted
    .filter((column) => column === 'count DESC' || columns.includes(column))
    .map((column) => (column === 'count DESC' ? 'sum(count) DESC' : `counter.${column}`));
  const params: SqliteValue[] = [minutes.from, minutes.before, hours.from, hours.before];
  return db
    .prepare(
      `WITH seen AS (SELECT DISTINCT destination FROM cursor ${own}),
         period (width, from_minute, before_minute) AS (VALUES (1, ?, ?), (${HOUR_MINUTES}, ?, ?))
       SELECT ${named}, sum(count) AS count
       FROM seen CROSS JOIN period CROSS JOIN counter
         ON counter.width = period.width AND counter.destination = seen.destination
           AND counter.minute >= from_minute AND counter.minute < before_minute
       WHERE ${where} GROUP BY ${named}
       ORDER BY ${order.join(', ')}
       LIMIT ${COUNT_ROW_MAX + 1}`,
    )
    .all(...(destinationId === undefined ? params : [destinationId, ...params]));
}
