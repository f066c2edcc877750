import { basename } from 'node:path';
import type { Clock } from '../clock.ts';
import type { Refusal } from '../collector/refusal.ts';
import type { SqliteDriver } from '../sqlite/drivers.ts';
import {
  openSqlite,
  sqliteFault,
  type SqliteDatabase,
  type SqliteRow,
  type SqliteValue,
} from '../sqlite/sqlite.ts';
import { MOVE_AWAY, RefusedFileError, createTable } from './schema.ts';

/** A refused event, a refused request or a duplicate, as it is kept. */
export interface KeptRefusal extends Omit<Refusal, 'event' | 'code'> {
  /** One of the collector's refusal codes, or `duplicate`. */
  code: string;
  /** Ascending in the order of arrival. */
  id: number;
  /** The event as far as it could be read; absent where it could not, or was too large to keep. */
  json?: string;
}

export interface RefusedQuery {
  code?: string;
  sourceId?: string;
  /** Only those that came before that one. */
  beforeId?: number;
  /** At least 1. */
  limit: number;
}

export interface RefusedReader {
  /** Newest first. */
  find(query: RefusedQuery): KeptRefusal[];
  /** The newest 100, oldest first. */
  duplicatesOf(messageId: string): KeptRefusal[];
  close(): void;
}

export interface RefusedStore extends RefusedReader {
  /** Written within a second; a flood is kept in part only. Never throws. */
  add(refusal: Refusal): void;
}

export interface RefusedStoreOptions {
  path: string;
  clock: Clock;
  /** Of those kept. Default 100,000. */
  maxCount?: number;
  /** Sum of their JSON in bytes. Default 64 MB. */
  maxBytes?: number;
  /** Told of the first write that fails after one that did not; what it held is lost. */
  onError: (error: unknown) => void;
  driver?: SqliteDriver;
}

/** Whoever floods us with refused events is no reason to spend the disk on them: beyond that, they are only counted. */
const KEPT_PER_FLUSH = 500;
const FLUSH_MS = 500;
/** Of one event; the Tracking API takes none that is larger. */
const JSON_MAX_BYTES = 32 * 1024;
const PRUNE_STEP_COUNT = 1_000;
const DUPLICATES_MAX_COUNT = 100;
const BUSY_TIMEOUT_MS = 1_000;

/**
 * Keeps refused events and duplicates in a SQLite file, the newest ones. They were answered before, and never promised to
 * be kept: writes are not synced, and one that fails costs what it held.
 * @throws {RefusedFileError} The file is damaged, or was written by another version of Millrace.
 */
export function openRefusedStore(options: RefusedStoreOptions): RefusedStore {
  const { path, clock, maxCount = 100_000, maxBytes = 64 * 1024 * 1024, onError, driver } = options;
  const db = open(path, driver);
  const insert = db.prepare(`
    INSERT INTO refused (received_at_ms, code, size_bytes, source_id, sdk, type, event_name, message_id, json)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`);
  const sizes = db.prepare('SELECT count(*) AS count, coalesce(sum(length(json)), 0) AS bytes FROM refused');
  const oldest = db.prepare('SELECT id, coalesce(length(json), 0) AS bytes FROM refused ORDER BY id LIMIT ?');
  const removeTo = db.prepare('DELETE FROM refused WHERE id <= ?');
  const closing = new AbortController();
  let { count, bytes } = sizesOf(sizes.all()[0]);
  let waiting: Refusal[] = [];
  let flushing: Promise<void> | undefined;
  let isFailing = false;

  function prune(): void {
    while (count > maxCount || bytes > maxBytes) {
      const rows = oldest.all(PRUNE_STEP_COUNT);
      let removedTo = -1;
      for (const row of rows) {
        if (count <= maxCount && bytes <= maxBytes) break;
        removedTo = Number(row['id']);
        count -= 1;
        bytes -= Number(row['bytes']);
      }
      removeTo.run(removedTo);
    }
  }

  function flush(): void {
    const written = waiting;
    waiting = [];
    if (written.length === 0) return;
    try {
      db.transaction('IMMEDIATE', () => {
        for (const refusal of written) {
          const json = jsonOf(refusal);
          insert.run(...valuesOf(refusal, json));
          count += 1;
          bytes += json?.length ?? 0;
        }
        prune();
      });
      isFailing = false;
    } catch (error) {
      ({ count, bytes } = sizesNow());
      if (!isFailing) onError(error);
      isFailing = true;
    }
  }

  async function flushLater(): Promise<void> {
    await clock.sleep(FLUSH_MS, closing.signal);
    flushing = undefined;
    if (!closing.signal.aborted) flush();
  }

  function sizesNow(): { count: number; bytes: number } {
    try {
      return sizesOf(sizes.all()[0]);
    } catch {
      return { count, bytes };
    }
  }

  return {
    ...readerOf(() => db),
    add(refusal) {
      if (waiting.length >= KEPT_PER_FLUSH || closing.signal.aborted) return;
      waiting.push(refusal);
      flushing ??= flushLater();
    },
    close() {
      if (closing.signal.aborted) return;
      closing.abort();
      flush();
      db.close();
    },
  };
}

function open(path: string, driver?: SqliteDriver): SqliteDatabase {
  let db: SqliteDatabase | undefined;
  try {
    db = openSqlite(path, { mode: 'write', synchronous: 'NORMAL', busyTimeoutMs: BUSY_TIMEOUT_MS }, driver);
    const opened = db;
    opened.transaction('IMMEDIATE', () => createTable(opened, path));
    return opened;
  } catch (error) {
    db?.close();
    const fault = sqliteFault(error);
    if (fault === undefined) throw error;
    throw new RefusedFileError(`${basename(path)}: ${fault}; ${MOVE_AWAY}`, { cause: error });
  }
}

/** @param database Undefined as long as there is no file. */
export function readerOf(
  database: () => SqliteDatabase | undefined,
): Pick<RefusedReader, 'find' | 'duplicatesOf'> {
  return {
    find({ code, sourceId, beforeId, limit }) {
      const conditions = ['id < ?'];
      const values: SqliteValue[] = [beforeId ?? Number.MAX_SAFE_INTEGER];
      if (code !== undefined) {
        conditions.push('code = ?');
        values.push(code);
      }
      if (sourceId !== undefined) {
        conditions.push('source_id = ?');
        values.push(sourceId);
      }
      const sql = `SELECT * FROM refused WHERE ${conditions.join(' AND ')} ORDER BY id DESC LIMIT ?`;
      return (
        database()
          ?.prepare(sql)
          .all(...values, limit) ?? []
      ).map(refusalOf);
    },
    duplicatesOf(messageId) {
      const sql = `SELECT * FROM refused WHERE code = 'duplicate' AND message_id = ? ORDER BY id DESC LIMIT ?`;
      const rows = database()?.prepare(sql).all(messageId, DUPLICATES_MAX_COUNT) ?? [];
      return rows.map(refusalOf).toReversed();
    },
  };
}

function sizesOf(row: SqliteRow | undefined): { count: number; bytes: number } {
  return { count: Number(row?.['count']), bytes: Number(row?.['bytes']) };
}

function jsonOf({ event, sizeBytes }: Refusal): string | undefined {
  return event === undefined || sizeBytes > JSON_MAX_BYTES ? undefined : JSON.stringify(event);
}

function valuesOf(refusal: Refusal, json: string | undefined): SqliteValue[] {
  const { receivedAtMs, code, sizeBytes, sourceId, sdk, type, eventName, messageId } = refusal;
  const optional = [sourceId, sdk, type, eventName, messageId, json].map((value) => value ?? null);
  return [Math.round(receivedAtMs), code, sizeBytes, ...optional];
}

function refusalOf(row: SqliteRow): KeptRefusal {
  const text = (column: string): string | undefined => {
    const value = row[column];
    return typeof value === 'string' ? value : undefined;
  };
  const optional = {
    sourceId: text('source_id'),
    sdk: text('sdk'),
    type: text('type'),
    eventName: text('event_name'),
    messageId: text('message_id'),
    json: text('json'),
  };
  return {
    id: Number(row['id']),
    receivedAtMs: Number(row['received_at_ms']),
    code: String(row['code']),
    sizeBytes: Number(row['size_bytes']),
    ...(Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)) as Partial<
      Record<keyof typeof optional, string>
    >),
  };
}
