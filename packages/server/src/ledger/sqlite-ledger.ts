import { basename } from 'node:path';
import type { JsonObject } from '@millrace/spec';
import { systemClock, type Clock } from '../clock.ts';
import type { Partition, Position } from '../log/log.ts';
import type { DeadChange, DeadSelection } from './dead-letters.ts';
import { addToBlock, blockOf, blocksOf } from './decision-block.ts';
import { EpochError, LedgerUnusableError } from './ledger.ts';
import type { Attempt, Decision, DestinationProgress, Ledger, RevivedEvent, Settlement } from './ledger.ts';
import { formatRanges, rangesOf } from './ranges.ts';
import { countWriter } from './sqlite-counts.ts';
import { pruner } from './sqlite-pruner.ts';
import { changeDead, revive } from './sqlite-dead.ts';
import { deadValues, pendingOf, pendingValues } from './sqlite-rows.ts';
import { createTables, metaValue } from './schema.ts';
import type { SqliteDriver } from '../sqlite/drivers.ts';
import { openSqlite, sqliteFault } from '../sqlite/sqlite.ts';
import type { SqliteDatabase } from '../sqlite/sqlite.ts';

/** Only another router can hold the write lock, and for one transaction. */
const BUSY_TIMEOUT_MS = 5_000;
const PENDING_PAGE_COUNT = 1_000;

/**
 * Opens the ledger for writing, makes it when the file is missing, and takes it over from whoever
 * had it open: their next commit throws {@link EpochError}. Power loss may rewind it to an earlier
 * commit (`synchronous=NORMAL`), which can mean a duplicate, never a loss.
 * @throws {LedgerVersionError} The file was written by another version of Millrace.
 * @throws {LedgerUnusableError} It cannot be opened or written, or is no database.
 * @throws {SqliteUnavailableError} There is no SQLite for this runtime.
 */
export function openLedger(
  path: string,
  driver?: SqliteDriver,
  clock: Pick<Clock, 'nowMs'> = systemClock,
): Ledger {
  try {
    return open(path, clock, driver);
  } catch (error) {
    const fault = sqliteFault(error);
    if (fault === undefined) throw error;
    throw new LedgerUnusableError(`${basename(path)}: ${fault}`, { cause: error });
  }
}

function open(path: string, clock: Pick<Clock, 'nowMs'>, driver?: SqliteDriver): Ledger {
  const db = openSqlite(
    path,
    { mode: 'write', synchronous: 'NORMAL', busyTimeoutMs: BUSY_TIMEOUT_MS },
    driver,
  );
  try {
    const epoch = db.transaction('IMMEDIATE', () => {
      createTables(db, path, clock.nowMs());
      db.exec("UPDATE meta SET value = value + 1 WHERE key = 'epoch'");
      return metaValue(db, 'epoch') ?? 0;
    });
    return new SqliteLedger(db, epoch, clock);
  } catch (error) {
    db.close();
    throw error;
  }
}

class SqliteLedger implements Ledger {
  readonly #db: SqliteDatabase;
  readonly #epoch: number;
  readonly #clock: Pick<Clock, 'nowMs'>;
  readonly #sql: ReturnType<typeof prepareAll>;
  readonly #counts: ReturnType<typeof countWriter>;
  readonly #pruner: ReturnType<typeof pruner>;

  constructor(db: SqliteDatabase, epoch: number, clock: Pick<Clock, 'nowMs'>) {
    this.#db = db;
    this.#clock = clock;
    this.#epoch = epoch;
    this.#sql = prepareAll(db);
    this.#counts = countWriter(db);
    this.#pruner = pruner(db, this.#counts);
  }

  load(destinationId: string, partition: Partition): DestinationProgress {
    return this.#db.transaction('DEFERRED', () => {
      const cursor = this.#sql.cursor.all(destinationId, partition)[0]?.['position'];
      const state = this.#sql.state.all(destinationId)[0]?.['json'];
      return {
        cursor: typeof cursor === 'number' ? cursor : undefined,
        state: typeof state === 'string' ? (JSON.parse(state) as JsonObject) : undefined,
        pending: this.#loadPending(destinationId, partition),
      };
    });
  }

  /** All of them, since none may be forgotten; the router bounds how many there can be. */
  #loadPending(destinationId: string, partition: Partition): DestinationProgress['pending'] {
    const pending: DestinationProgress['pending'] = [];
    for (;;) {
      const after = pending.at(-1)?.position ?? -1;
      const page = this.#sql.pending.all(destinationId, partition, after, PENDING_PAGE_COUNT);
      pending.push(...page.map(pendingOf));
      if (page.length < PENDING_PAGE_COUNT) return pending;
    }
  }

  neededFrom(destinationId: string, partition: Partition): Position | undefined {
    const row = this.#sql.needed.all(destinationId, partition, destinationId, partition)[0];
    return typeof row?.['position'] === 'number' ? row['position'] : undefined;
  }

  commit(settlement: Settlement): void {
    if (settlement.synced) this.#synced(() => this.#commit(settlement));
    else this.#commit(settlement);
  }

  changeDead(action: 'retry' | 'drop', selection: DeadSelection): DeadChange {
    return this.#synced(() =>
      this.#db.transaction('IMMEDIATE', () => {
        this.#checkEpoch();
        return changeDead(this.#db, action, selection, Math.round(this.#clock.nowMs()));
      }),
    );
  }

  revive(
    destinationId: string,
    partition: Partition,
    limit: { maxCount: number; maxBytes: number },
  ): RevivedEvent[] {
    // Without the write lock, since there mostly is none.
    if (this.#sql.asked.all(destinationId, partition).length === 0) return [];
    return this.#db.transaction('IMMEDIATE', () => {
      this.#checkEpoch();
      return revive(this.#db, destinationId, partition, limit);
    });
  }

  /** Syncs the WAL, and with it all that was committed before. */
  #synced<T>(work: () => T): T {
    this.#db.exec('PRAGMA synchronous=FULL');
    try {
      return work();
    } finally {
      this.#db.exec('PRAGMA synchronous=NORMAL');
    }
  }

  prune(retainMs: number): boolean {
    return this.#transaction(() => this.#pruner.step(Math.round(this.#clock.nowMs()), retainMs));
  }

  close(): void {
    this.#db.close();
  }

  #commit(settlement: Settlement): void {
    const { destinationId, partition, cursor, state, attempt } = settlement;
    const nowMs = Math.round(this.#clock.nowMs());
    this.#transaction(() => {
      this.#sql.putCursor.run(destinationId, partition, cursor);
      if (state) this.#sql.putState.run(destinationId, JSON.stringify(state));
      if (attempt) this.#addAttempt(destinationId, partition, attempt);
      this.#decide(destinationId, partition, settlement.decisions, nowMs);
      this.#counts.add(settlement, nowMs);
      for (const event of settlement.pending) {
        this.#sql.putPending.run(destinationId, partition, ...pendingValues(event));
      }
      for (const letter of settlement.dead) {
        this.#sql.putDead.run(destinationId, partition, ...deadValues(letter));
      }
    });
  }

  #transaction<T>(work: () => T): T {
    try {
      return this.#db.transaction('IMMEDIATE', () => {
        this.#checkEpoch();
        return work();
      });
    } catch (error) {
      this.#counts.forget();
      throw error;
    }
  }

  #checkEpoch(): void {
    const current = this.#sql.epoch.all()[0]?.['value'];
    if (current === this.#epoch) return;
    throw new EpochError(
      `this router opened the ledger as number ${this.#epoch}, it is now number ${String(current)}'s`,
    );
  }

  #addAttempt(destinationId: string, partition: Partition, attempt: Attempt): void {
    const { startedAtMs, durationMs, code, positions } = attempt;
    const ranges = rangesOf(positions);
    const [row] = this.#sql.addAttempt.all(
      destinationId,
      partition,
      Math.round(startedAtMs),
      Math.round(durationMs),
      code,
      formatRanges(ranges),
    );
    for (const block of blocksOf(ranges)) {
      this.#sql.addAttemptBlock.run(partition, block, destinationId, Number(row?.['id']));
    }
  }

  #decide(destinationId: string, partition: Partition, decisions: readonly Decision[], nowMs: number): void {
    for (const { first, last } of rangesOf(ascendingPositions(decisions))) {
      this.#sql.removePending.run(destinationId, partition, first, last);
    }
    for (const [block, inBlock] of groupBy(decisions, ({ position }) => blockOf(position))) {
      const before = this.#sql.decisions.all(destinationId, partition, block)[0]?.['outcomes'];
      const after = addToBlock(typeof before === 'string' ? before : undefined, inBlock);
      this.#sql.putDecisions.run(destinationId, partition, block, after, nowMs);
    }
    const reorderedCount = decisions.filter(({ reordered }) => reordered).length;
    if (reorderedCount > 0) this.#sql.addTotal.run(destinationId, 'reordered', '', reorderedCount);
    for (const [outcome, same] of groupBy(decisions, ({ outcome }) => outcome)) {
      for (const [code, { length: count }] of groupBy(same, ({ code }) => code)) {
        this.#sql.addTotal.run(destinationId, outcome, code, count);
      }
    }
  }
}

function prepareAll(db: SqliteDatabase) {
  return {
    epoch: db.prepare("SELECT value FROM meta WHERE key = 'epoch'"),
    cursor: db.prepare('SELECT position FROM cursor WHERE destination = ? AND partition = ?'),
    needed: db.prepare(`
      SELECT min(position) AS position FROM (
        SELECT position FROM cursor WHERE destination = ? AND partition = ?
        UNION ALL
        SELECT min(position) FROM pending WHERE destination = ? AND partition = ? AND event IS NULL)`),
    putCursor: db.prepare(
      'INSERT OR REPLACE INTO cursor (destination, partition, position) VALUES (?, ?, ?)',
    ),
    state: db.prepare('SELECT json FROM state WHERE destination = ?'),
    putState: db.prepare('INSERT OR REPLACE INTO state (destination, json) VALUES (?, ?)'),
    addAttempt: db.prepare(`
      INSERT INTO attempt (destination, partition, started_at_ms, duration_ms, code, positions)
      VALUES (?, ?, ?, ?, ?, ?) RETURNING id`),
    addAttemptBlock: db.prepare(
      'INSERT INTO attempt_block (partition, block, destination, attempt_id) VALUES (?, ?, ?, ?)',
    ),
    decisions: db.prepare(
      'SELECT outcomes FROM decision WHERE destination = ? AND partition = ? AND block = ?',
    ),
    putDecisions: db.prepare(
      'INSERT OR REPLACE INTO decision (destination, partition, block, outcomes, changed_at_ms) VALUES (?, ?, ?, ?, ?)',
    ),
    addTotal: db.prepare(`
      INSERT INTO total (destination, outcome, code, count) VALUES (?, ?, ?, ?)
      ON CONFLICT DO UPDATE SET count = count + excluded.count`),
    pending: db.prepare(`
      SELECT * FROM pending WHERE destination = ? AND partition = ? AND position > ?
      ORDER BY position LIMIT ?`),
    putPending: db.prepare(`
      INSERT INTO pending
        (destination, partition, position, attempt_count, first_attempt_at_ms, not_before_ms, code, resume)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT DO UPDATE SET
        attempt_count = excluded.attempt_count, first_attempt_at_ms = excluded.first_attempt_at_ms,
        not_before_ms = excluded.not_before_ms, code = excluded.code, resume = excluded.resume`),
    removePending: db.prepare(
      'DELETE FROM pending WHERE destination = ? AND partition = ? AND position BETWEEN ? AND ?',
    ),
    asked: db.prepare('SELECT 1 FROM dead_retry WHERE destination = ? AND partition = ? LIMIT 1'),
    putDead: db.prepare(`
      INSERT OR REPLACE INTO dead
        (destination, partition, position, message_id, event_name, code, attempt_count, died_at_ms, event, exchange)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`),
  };
}

function ascendingPositions(decisions: readonly Decision[]): Position[] {
  return decisions.map(({ position }) => position).toSorted((a, b) => a - b);
}

function groupBy<T, K>(items: readonly T[], keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}
