import type { SqliteDatabase, SqliteRow } from '../sqlite/sqlite.ts';
import { blocksOf } from './decision-block.ts';
import { parseRanges } from './ranges.ts';
import type { CountWriter } from './sqlite-counts.ts';

const STEP_ROW_COUNT = 1_000;

interface Progress {
  destinations: string[];
  blocks: { destination: string; partition: number; after: number }[];
  attemptsAfter: number;
  isAttemptsDone: boolean;
}

/**
 * Gives up what is old, a step of at most 1,000 rows (and one hour of counts) at a time, so that nothing waits long for it.
 * A round begins where the last one has ended: with the oldest rows. What has a time ahead of the clock, since that was
 * set back, is passed over and waits until it is old.
 */
export function pruner(db: SqliteDatabase, counts: CountWriter) {
  const sql = {
    cursors: db.prepare(
      'SELECT destination, partition FROM cursor ORDER BY destination, partition LIMIT 10000',
    ),
    attempts: db.prepare(`
      SELECT id, destination, partition, started_at_ms, positions FROM attempt WHERE id > ? ORDER BY id LIMIT ?`),
    dropAttempt: db.prepare('DELETE FROM attempt WHERE id = ?'),
    dropAttemptBlock: db.prepare(
      'DELETE FROM attempt_block WHERE partition = ? AND block = ? AND destination = ? AND attempt_id = ?',
    ),
    blocks: db.prepare(`
      SELECT block, changed_at_ms FROM decision WHERE destination = ? AND partition = ? AND block > ?
      ORDER BY block LIMIT ?`),
    dropBlock: db.prepare('DELETE FROM decision WHERE destination = ? AND partition = ? AND block = ?'),
  };
  let round: Progress | undefined;

  const begin = (): Progress => {
    const blocks = sql.cursors.all().map(({ destination, partition }) => ({
      destination: String(destination),
      partition: Number(partition),
      after: -1,
    }));
    const destinations = [...new Set(blocks.map(({ destination }) => destination))];
    return { destinations, blocks, attemptsAfter: -1, isAttemptsDone: false };
  };

  return {
    /** Call it inside a transaction. Returns whether the round has more to do. */
    step(nowMs: number, retainMs: number): boolean {
      round ??= begin();
      const beforeMs = nowMs - retainMs;
      const [counted] = round.destinations;
      const [place] = round.blocks;
      if (counted !== undefined) {
        if (!counts.tidy(counted, nowMs, STEP_ROW_COUNT)) round.destinations.shift();
      } else if (!round.isAttemptsDone) {
        const rows = sql.attempts.all(round.attemptsAfter, STEP_ROW_COUNT);
        for (const row of old(rows, 'started_at_ms', beforeMs)) {
          for (const block of blocksOf(parseRanges(String(row['positions'])))) {
            sql.dropAttemptBlock.run(row['partition']!, block, row['destination']!, row['id']!);
          }
          sql.dropAttempt.run(row['id']!);
        }
        round.attemptsAfter = Number(rows.at(-1)?.['id']);
        round.isAttemptsDone = isEnough(rows, 'started_at_ms', beforeMs, nowMs);
      } else if (place) {
        const { destination, partition, after } = place;
        const rows = sql.blocks.all(destination, partition, after, STEP_ROW_COUNT);
        for (const { block } of old(rows, 'changed_at_ms', beforeMs)) {
          sql.dropBlock.run(destination, partition, block!);
        }
        place.after = Number(rows.at(-1)?.['block']);
        if (isEnough(rows, 'changed_at_ms', beforeMs, nowMs)) round.blocks.shift();
      }
      if (round.destinations.length > 0 || !round.isAttemptsDone || round.blocks.length > 0) return true;
      round = undefined;
      return false;
    },
  };
}

function old(rows: readonly SqliteRow[], column: string, beforeMs: number): SqliteRow[] {
  return rows.filter((row) => Number(row[column]) < beforeMs);
}

/** Rows come nearly in the order of time: what follows a page of young ones is young. */
function isEnough(rows: readonly SqliteRow[], column: string, beforeMs: number, nowMs: number): boolean {
  if (rows.length < STEP_ROW_COUNT) return true;
  const times = rows.map((row) => Number(row[column]));
  return times.some((ms) => ms <= nowMs) && times.every((ms) => ms >= beforeMs);
}
