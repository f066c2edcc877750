import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { systemClock, type Clock } from './clock.ts';
import { isBusy, openSqlite, type SqliteDatabase } from './sqlite/sqlite.ts';

/** Held until it is released or the process ends, however it ends. */
export interface Lock {
  release(): void;
}

export interface LockOptions {
  /** How long to wait for the holder to let go, from the call on; 0 tries once. */
  waitMs: number;
  /** Default the system's. */
  clock?: Clock;
}

/** Another process holds the lock; the message says which. */
export class LockHeldError extends Error {
  override readonly name = 'LockHeldError';
  readonly code = 'lock_held';
  /** Undefined when the holder has not said who it is. */
  readonly holderPid: number | undefined;

  constructor(path: string, holderPid: number | undefined, options?: { cause: unknown }) {
    const holder = holderPid === undefined ? 'another process' : `process ${holderPid}`;
    super(`${basename(path)} is held by ${holder}`, options);
    this.holderPid = holderPid;
  }
}

const POLL_MS = 50;
/** A killed process gives its locks back when the system has taken it down, which swapping can delay. */
const AFTER_KILL_WAIT_MS = 5_000;

/**
 * Takes the lock of a file: an exclusive SQLite transaction in which nothing is written. The system
 * ends it with the process, so there is no stale lock. Who holds it stands in `<path>.json`, a file
 * of its own: no other process can read the locked one, and a process that opened and closed it by
 * other means would lose its lock (POSIX).
 * @throws {LockHeldError} It is still held after `waitMs`.
 */
export async function acquireLock(path: string, { waitMs, clock = systemClock }: LockOptions): Promise<Lock> {
  const db = openSqlite(path, { mode: 'lock' });
  const giveUpAtMs = clock.nowMs() + waitMs;
  try {
    while (!tryExclusive(db)) {
      if (clock.nowMs() >= giveUpAtMs) throw new LockHeldError(path, readHolder(path)?.pid);
      await clock.sleep(POLL_MS);
    }
    return hold(db, path);
  } catch (error) {
    close(db);
    throw error;
  }
}

/**
 * Takes the lock, and when it is still held after `waitMs` ends the holder (SIGKILL) first. For
 * a lock whose holder must not outlive the one who calls this.
 * @throws {LockHeldError} The holder has not said who it is, may not be ended, or is this process.
 */
export async function takeOverLock(path: string, options: LockOptions): Promise<Lock> {
  try {
    return await acquireLock(path, options);
  } catch (error) {
    if (!(error instanceof LockHeldError)) throw error;
  }
  // What stands there may be left from a holder that died, its number since given to a stranger, while
  // the next one has not written yet. So: that very process must be alive (one that lives removes its
  // record before it lets go), and the lock be held between two readings of the same record.
  const before = liveHolder(path);
  const lock = await acquireUnlessHeld(path, { ...options, waitMs: 0 });
  if (lock) return lock;
  const after = liveHolder(path);
  if (!before || !after || before.pid !== after.pid || before.startedAt !== after.startedAt) {
    throw new LockHeldError(path, undefined);
  }
  if (after.pid === process.pid) throw new LockHeldError(path, after.pid);
  end(path, after.pid);
  return acquireLock(path, { ...options, waitMs: AFTER_KILL_WAIT_MS });
}

async function acquireUnlessHeld(path: string, options: LockOptions): Promise<Lock | undefined> {
  try {
    return await acquireLock(path, options);
  } catch (error) {
    if (error instanceof LockHeldError) return undefined;
    throw error;
  }
}

function end(path: string, pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    // Gone by itself is as good; not being allowed to is not.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH')
      throw new LockHeldError(path, pid, { cause: error });
  }
}

/** Whether a process holds the lock of that file, in a look that takes it from nobody. */
export function isLockHeld(path: string): boolean {
  if (!existsSync(path)) return false;
  const db = openSqlite(path, { mode: 'lock' });
  try {
    db.prepare('SELECT count(*) AS count FROM sqlite_schema').all();
    return false;
  } catch (error) {
    if (isBusy(error)) return true;
    throw error;
  } finally {
    db.close();
  }
}

function tryExclusive(db: SqliteDatabase): boolean {
  try {
    // In memory, or the transaction would leave a journal file beside the lock.
    db.exec('PRAGMA journal_mode=MEMORY');
    db.exec('BEGIN EXCLUSIVE');
    return true;
  } catch (error) {
    if (isBusy(error)) return false;
    throw error;
  }
}

function hold(db: SqliteDatabase, path: string): Lock {
  writeHolder(path);
  let held = true;
  const release = (): void => {
    if (!held) return;
    held = false;
    process.removeListener('exit', release);
    // Before letting go: a record of a live process always names the holder.
    rmSync(holderFile(path), { force: true });
    close(db);
  };
  // Also keeps the handle from being collected, which would let go of the lock unseen.
  process.once('exit', release);
  return { release };
}

/** Undoing the transaction is what lets go: libsql keeps a closed handle's transaction open. */
function close(db: SqliteDatabase): void {
  try {
    db.exec('ROLLBACK');
  } catch {
    // None was begun.
  }
  db.close();
}

interface Holder {
  pid: number;
  /** Tells a process from a later one of the same number; absent where the system does not say. */
  startedAt?: string;
}

function holderFile(path: string): string {
  return `${path}.json`;
}

function writeHolder(path: string): void {
  const startedAt = processStart(process.pid);
  const holder: Holder = { pid: process.pid, ...(startedAt !== undefined && { startedAt }) };
  const temporary = `${holderFile(path)}.tmp`;
  writeFileSync(temporary, JSON.stringify(holder));
  renameSync(temporary, holderFile(path));
}

function readHolder(path: string): Holder | undefined {
  try {
    const holder = JSON.parse(readFileSync(holderFile(path), 'utf8')) as Partial<Holder> | null;
    // 0 and less would address whole groups of processes.
    if (!holder || !Number.isSafeInteger(holder.pid) || Number(holder.pid) <= 0) return undefined;
    return holder as Holder;
  } catch {
    // Not written yet, or not by us.
    return undefined;
  }
}

/** The recorded holder, if that very process is there. */
function liveHolder(path: string): Holder | undefined {
  const holder = readHolder(path);
  return holder && processStart(holder.pid) === holder.startedAt ? holder : undefined;
}

/** When a process started, in clock ticks since boot; undefined when it is gone, and off Linux. */
function processStart(pid: number): string | undefined {
  try {
    // proc(5): field 22; the second field is a name in parentheses that may hold anything.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}
