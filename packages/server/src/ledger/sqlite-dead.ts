import type { JsonObject } from '@millrace/spec';
import type { Partition } from '../log/log.ts';
import { DEAD_PAGE_MAX_COUNT, DEAD_SCAN_COUNT } from './dead-letters.ts';
import type {
  DeadChange,
  DeadFilter,
  DeadLetterView,
  DeadListPlace,
  DeadPage,
  DeadPlace,
  DeadSelection,
} from './dead-letters.ts';
import type { RevivedEvent } from './ledger.ts';
import { deadLineOf } from './sqlite-rows.ts';
import type { SqliteDatabase, SqliteRow, SqliteValue } from '../sqlite/sqlite.ts';

/** Dead letters in the tables. Each function belongs inside a transaction. */

const PLACE = 'destination = ? AND partition = ? AND position = ?';
const LIST_KEY = 'dead.died_at_ms, dead.destination, dead.partition, dead.position';
const NEWEST_FIRST = LIST_KEY.split(', ')
  .map((column) => `${column} DESC`)
  .join(', ');
const LINE = `
  SELECT dead.destination, dead.partition, dead.position, message_id, event_name, code, attempt_count, died_at_ms,
    asked_at_ms`;
const WITH_RETRY = `
  FROM dead LEFT JOIN dead_retry ON dead_retry.destination = dead.destination
    AND dead_retry.partition = dead.partition AND dead_retry.position = dead.position`;

export function readDeadLetters(
  db: SqliteDatabase,
  filter: DeadFilter,
  { maxCount, after }: { maxCount: number; after?: DeadListPlace },
): DeadPage {
  const count = Math.min(maxCount, DEAD_PAGE_MAX_COUNT);
  const { where, params, next: nextSlice } = sliceOf(db, filter, after);
  const rows = db
    .prepare(`${LINE} ${WITH_RETRY} WHERE ${where} ORDER BY ${NEWEST_FIRST} LIMIT ?`)
    .all(...params, count + 1);
  const letters = rows.slice(0, count).map(deadLineOf);
  const next = rows.length > count ? letters.at(-1) : nextSlice;
  return { letters, ...(next && { next: listPlaceOf(next) }) };
}

export function readDeadLetter(db: SqliteDatabase, place: DeadPlace): DeadLetterView | undefined {
  const [row] = db
    .prepare(
      `${LINE}, event, exchange ${WITH_RETRY}
       WHERE dead.destination = ? AND dead.partition = ? AND dead.position = ? LIMIT 1`,
    )
    .all(...placeValues(place));
  if (!row) return undefined;
  const { event, exchange } = row;
  return {
    ...deadLineOf(row),
    event: bytesOf(event),
    ...(typeof exchange === 'string' && { exchange: JSON.parse(exchange) as JsonObject }),
  };
}

export function changeDead(
  db: SqliteDatabase,
  action: 'retry' | 'drop',
  selection: DeadSelection,
  nowMs: number,
): DeadChange {
  const change = (where: string, params: SqliteValue[]): number =>
    action === 'retry' ? askRetry(db, where, params, nowMs) : drop(db, where, params);
  if ('places' in selection) {
    const counts = selection.places.map((place) => change(PLACE, placeValues(place)));
    return { count: counts.reduce((sum, count) => sum + count, 0) };
  }
  const { where, params, next } = sliceOf(db, selection.filter, selection.after);
  return { count: change(where, params), ...(next && { next }) };
}

function askRetry(db: SqliteDatabase, where: string, params: SqliteValue[], nowMs: number): number {
  db.prepare(
    `INSERT OR IGNORE INTO dead_retry (destination, partition, position, asked_at_ms)
     SELECT destination, partition, position, ? FROM dead WHERE ${where}`,
  ).run(nowMs, ...params);
  return Number(db.prepare('SELECT changes() AS count').all()[0]?.['count']);
}

function drop(db: SqliteDatabase, where: string, params: SqliteValue[]): number {
  db.prepare(
    `DELETE FROM dead_retry WHERE (destination, partition, position) IN (
       SELECT destination, partition, position FROM dead WHERE ${where})`,
  ).run(...params);
  const dropped = db.prepare(`DELETE FROM dead WHERE ${where} RETURNING destination, code`).all(...params);
  const counts = new Map<string, { row: SqliteRow; count: number }>();
  for (const row of dropped) {
    const key = `${String(row['destination'])}:${String(row['code'])}`;
    const count = (counts.get(key)?.count ?? 0) + 1;
    counts.set(key, { row, count });
  }
  for (const { row, count } of counts.values()) addTotal(db, row, 'dropped', count);
  return dropped.length;
}

export function revive(
  db: SqliteDatabase,
  destinationId: string,
  partition: Partition,
  { maxCount, maxBytes }: { maxCount: number; maxBytes: number },
): RevivedEvent[] {
  if (maxBytes <= 0) return [];
  const asked = db.prepare(
    `SELECT dead.destination, dead.partition, dead.position, code, event
     FROM dead_retry CROSS JOIN dead ON dead.destination = dead_retry.destination
       AND dead.partition = dead_retry.partition AND dead.position = dead_retry.position
     WHERE dead_retry.destination = ? AND dead_retry.partition = ? ORDER BY dead_retry.position LIMIT ?`,
  );
  const revived: RevivedEvent[] = [];
  let bytes = 0;
  for (const row of asked.all(destinationId, partition, maxCount)) {
    const event = bytesOf(row['event']);
    if (revived.length > 0 && bytes + event.length > maxBytes) break;
    bytes += event.length;
    const position = Number(row['position']);
    const place = [destinationId, partition, position];
    db.prepare(`DELETE FROM dead WHERE ${PLACE}`).run(...place);
    db.prepare(`DELETE FROM dead_retry WHERE ${PLACE}`).run(...place);
    db.prepare(
      `INSERT INTO pending (destination, partition, position, attempt_count, not_before_ms, event)
       VALUES (?, ?, ?, 0, 0, ?)`,
    ).run(...place, event);
    addTotal(db, row, 'revived', 1);
    revived.push({ position, attemptCount: 0, notBeforeMs: 0, event });
  }
  return revived;
}

function addTotal(db: SqliteDatabase, row: SqliteRow, outcome: 'revived' | 'dropped', count: number): void {
  db.prepare(
    `INSERT INTO total (destination, outcome, code, count) VALUES (?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET count = count + excluded.count`,
  ).run(String(row['destination']), outcome, String(row['code']), count);
}

/** The condition for those that a filter means, among the next few of the list. */
function sliceOf(
  db: SqliteDatabase,
  { destinationId, code, fromMs = 0, toMs = Number.MAX_SAFE_INTEGER, eventName }: DeadFilter,
  after: DeadListPlace | undefined,
): { where: string; params: SqliteValue[]; next?: DeadListPlace } {
  const terms = [`(${LIST_KEY}) < (?, ?, ?, ?)`, 'dead.died_at_ms >= ?'];
  // Of one moment no letter comes before the one of a destination without a name.
  const start = { diedAtMs: toMs, destinationId: '', partition: 0, position: 0 };
  const params: SqliteValue[] = [...listValues(isBefore(after, toMs) ? after : start), fromMs];
  const [last] = db
    .prepare(
      `SELECT ${LIST_KEY} FROM dead WHERE ${terms.join(' AND ')} ORDER BY ${NEWEST_FIRST} LIMIT 1 OFFSET ?`,
    )
    .all(...params, DEAD_SCAN_COUNT - 1);
  const next = last && listPlaceOf(deadLineOf(last));
  const also = (term: string, ...values: SqliteValue[]): void => {
    terms.push(term);
    params.push(...values);
  };
  if (next) also(`(${LIST_KEY}) >= (?, ?, ?, ?)`, ...listValues(next));
  if (destinationId !== undefined) also('dead.destination = ?', destinationId);
  if (code !== undefined) also('dead.code = ?', code);
  if (eventName !== undefined) also('dead.event_name = ?', eventName);
  return { where: terms.join(' AND '), params, ...(next && { next }) };
}

function isBefore(place: DeadListPlace | undefined, toMs: number): place is DeadListPlace {
  return place !== undefined && place.diedAtMs < toMs;
}

function listPlaceOf({ diedAtMs, destinationId, partition, position }: DeadListPlace): DeadListPlace {
  return { diedAtMs, destinationId, partition, position };
}

function listValues({ diedAtMs, ...place }: DeadListPlace): SqliteValue[] {
  return [diedAtMs, ...placeValues(place)];
}

function placeValues({ destinationId, partition, position }: DeadPlace): SqliteValue[] {
  return [destinationId, partition, position];
}

function bytesOf(value: SqliteValue | undefined): Buffer {
  if (!Buffer.isBuffer(value)) throw new TypeError('the event of a dead letter is not there');
  return value;
}
