import { rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import type { LogRange } from '../log/log.ts';
import type { SqliteDriver } from '../sqlite/drivers.ts';
import { openSqlite, type SqliteDatabase, type SqliteRow } from '../sqlite/sqlite.ts';
import {
  BLOCK_SPAN,
  lowerBound,
  offsetsInSorted,
  overlaps,
  positionsIn,
  type BlockBounds,
  type BlockBuilder,
} from './block.ts';
import type { CandidateQuery, Candidates } from './search.ts';
import { syncFile, syncFolder } from '../sync-path.ts';

export type SealedRange = LogRange & { to: number };

export const FORMAT_VERSION = 1;
/** With its header, a row of so many fills one page of 4,096 bytes. */
const PAGE_ENTRY_COUNT = 500;

const SCHEMA = `
  CREATE TABLE about (version INTEGER, "partition" INTEGER, first INTEGER, "to" INTEGER, created_at_ms INTEGER) STRICT;
  CREATE TABLE block (first INTEGER PRIMARY KEY, "to" INTEGER, min_ms INTEGER, max_ms INTEGER,
    first_page INTEGER, lows BLOB, crc INTEGER) STRICT;
  CREATE TABLE page (id INTEGER PRIMARY KEY, entries BLOB, crc INTEGER) STRICT;`;

/** Writes the index of one range: under a temporary name, until it is complete and synced. */
export class IndexFileWriter {
  readonly #path: string;
  readonly #temporaryPath: string;
  readonly #database: SqliteDatabase;
  readonly #range: SealedRange;
  #pageId = 0;

  private constructor(path: string, range: SealedRange, driver: SqliteDriver) {
    this.#path = path;
    this.#temporaryPath = `${path}.tmp`;
    this.#range = range;
    this.#database = openSqlite(this.#temporaryPath, { mode: 'build' }, driver);
  }

  /** Begins anew, whatever an earlier attempt has left. */
  static async begin(path: string, range: SealedRange, driver: SqliteDriver): Promise<IndexFileWriter> {
    await rm(`${path}.tmp`, { force: true });
    const writer = new IndexFileWriter(path, range, driver);
    writer.#database.exec(SCHEMA);
    return writer;
  }

  /** Blocks come in the order of their positions. */
  add(block: BlockBuilder): void {
    const { first, to, minMs, maxMs } = block.bounds;
    const entries = block.sorted();
    const lows: number[] = [];
    const firstPage = this.#pageId;
    this.#database.transaction('IMMEDIATE', () => {
      const addPage = this.#database.prepare('INSERT INTO page VALUES (?, ?, ?)');
      for (let at = 0; at < entries.length; at += PAGE_ENTRY_COUNT) {
        const bytes = bytesOf(entries.subarray(at, at + PAGE_ENTRY_COUNT));
        lows.push(entries[at]!);
        addPage.run(this.#pageId++, bytes, crc32(bytes));
      }
      const bytes = bytesOf(Float64Array.from(lows));
      this.#database
        .prepare('INSERT INTO block VALUES (?, ?, ?, ?, ?, ?, ?)')
        .run(first, to, minMs, maxMs, firstPage, bytes, crc32(bytes));
    });
  }

  async finish(): Promise<void> {
    const { partition, from, to, createdAtMs } = this.#range;
    this.#database
      .prepare('INSERT INTO about VALUES (?, ?, ?, ?, ?)')
      .run(FORMAT_VERSION, partition, from, to, createdAtMs);
    this.#database.close();
    await syncFile(this.#temporaryPath);
    await rename(this.#temporaryPath, this.#path);
    await syncFolder(dirname(this.#path));
  }

  async abandon(): Promise<void> {
    this.#database.close();
    await rm(this.#temporaryPath, { force: true });
  }
}

/** The file is no index, or that of another log, or damaged. */
export class IndexFileError extends Error {
  override readonly name = 'IndexFileError';
}

/**
 * Reads and closes the file, so that a file that is removed is gone.
 * @throws {IndexFileError} And whatever SQLite throws of a file that is none of its own.
 */
export function lookUp(
  path: string,
  range: SealedRange,
  query: CandidateQuery,
  driver: SqliteDriver,
): Candidates {
  return withIndexFile(path, range, driver, (database) => {
    const blocks = database
      .prepare('SELECT * FROM block WHERE first < ? AND "to" > ? ORDER BY first DESC LIMIT 100000')
      .all(query.to, query.from);
    const positions: number[] = [];
    let from = query.from;
    for (const row of blocks) {
      const bounds = boundsOf(row);
      if (!overlaps(bounds, query)) continue;
      positions.push(...positionsIn(bounds, query, (key) => offsetsOf(database, row, key)));
      if (positions.length < query.enough) continue;
      from = Math.max(bounds.first, query.from);
      break;
    }
    return { positions, from };
  });
}

/** @throws As {@link lookUp}. */
export function checkIndexFile(path: string, range: SealedRange, driver: SqliteDriver): void {
  withIndexFile(path, range, driver, () => {});
}

function withIndexFile<T>(
  path: string,
  range: SealedRange,
  driver: SqliteDriver,
  work: (database: SqliteDatabase) => T,
): T {
  const database = openSqlite(path, { mode: 'read', busyTimeoutMs: 0 }, driver);
  try {
    const [about] = database.prepare('SELECT * FROM about LIMIT 1').all();
    const isOurs = about?.['version'] === FORMAT_VERSION && isOfRange(about, range);
    if (!isOurs) throw new IndexFileError('it is not the index of this range');
    return work(database);
  } finally {
    database.close();
  }
}

/** @param about Of its table `about`. */
export function isOfRange(
  about: SqliteRow,
  { partition, from, to, createdAtMs }: Pick<SealedRange, 'partition' | 'from' | 'to' | 'createdAtMs'>,
): boolean {
  return (
    about['partition'] === partition &&
    about['first'] === from &&
    about['to'] === to &&
    about['created_at_ms'] === createdAtMs
  );
}

function offsetsOf(database: SqliteDatabase, block: SqliteRow, key: number): Set<number> {
  const lows = entriesOf(block['lows'], block['crc']);
  // The page before the first one that begins at or behind the key may end with it.
  const first = Math.max(0, lowerBound(lows, key * BLOCK_SPAN) - 1);
  const end = lowerBound(lows, (key + 1) * BLOCK_SPAN);
  const base = Number(block['first_page']);
  const rows = database
    .prepare('SELECT entries, crc FROM page WHERE id >= ? AND id < ? ORDER BY id LIMIT 100000')
    .all(base + first, base + end);
  if (rows.length !== Math.max(0, end - first)) throw new IndexFileError('a part of it is missing');
  const offsets = new Set<number>();
  for (const row of rows) {
    for (const offset of offsetsInSorted(entriesOf(row['entries'], row['crc']), key)) offsets.add(offset);
  }
  return offsets;
}

function boundsOf(row: SqliteRow): BlockBounds {
  return {
    first: Number(row['first']),
    to: Number(row['to']),
    minMs: Number(row['min_ms']),
    maxMs: Number(row['max_ms']),
  };
}

function bytesOf(entries: Float64Array): Buffer {
  return Buffer.from(entries.buffer, entries.byteOffset, entries.byteLength);
}

function entriesOf(bytes: unknown, crc: unknown): Float64Array {
  if (!Buffer.isBuffer(bytes) || bytes.length % 8 !== 0 || crc32(bytes) !== crc)
    throw new IndexFileError('it is damaged');
  // A copy, since a view must begin at a multiple of eight.
  return new Float64Array(Uint8Array.from(bytes).buffer);
}
