import type { Partition, Position } from '../log/log.ts';
import { blockOf, outcomeInBlock } from './decision-block.ts';
import { TRACE_ATTEMPT_COUNT } from './ledger.ts';
import type { DestinationTrace, TracedAttempt, TracedDecision } from './ledger.ts';
import { includesNumber, parseRanges } from './ranges.ts';
import type { SqliteDatabase } from '../sqlite/sqlite.ts';
import { pendingOf } from './sqlite-rows.ts';

const MAX_DESTINATION_COUNT = 1_000;
const ATTEMPT_PAGE_COUNT = 500;

/** What each destination did with one event. Call it inside a transaction, so that the tables agree. */
export function readTraces(db: SqliteDatabase, partition: Partition, position: Position): DestinationTrace[] {
  const destinations = db
    .prepare('SELECT destination, position FROM cursor WHERE partition = ? ORDER BY destination LIMIT ?')
    .all(partition, MAX_DESTINATION_COUNT);
  return destinations.map((row) => {
    const place = { destinationId: String(row['destination']), partition, position };
    const attempts = readAttempts(db, place);
    return {
      destinationId: place.destinationId,
      decision: readDecision(db, place, Number(row['position'])),
      attempts: attempts.slice(0, TRACE_ATTEMPT_COUNT).toReversed(),
      isCut: attempts.length > TRACE_ATTEMPT_COUNT,
    };
  });
}

interface Place {
  destinationId: string;
  partition: Partition;
  position: Position;
}

function readDecision(
  db: SqliteDatabase,
  { destinationId, partition, position }: Place,
  cursor: Position,
): TracedDecision {
  const [waiting] = db
    .prepare('SELECT * FROM pending WHERE destination = ? AND partition = ? AND position = ? LIMIT 1')
    .all(destinationId, partition, position);
  if (waiting) {
    const { attemptCount, notBeforeMs, firstAttemptAtMs, code } = pendingOf(waiting);
    return {
      kind: 'pending',
      attemptCount,
      notBeforeMs,
      ...(firstAttemptAtMs !== undefined && { firstAttemptAtMs }),
      ...(code !== undefined && { code }),
    };
  }
  const [block] = db
    .prepare('SELECT outcomes FROM decision WHERE destination = ? AND partition = ? AND block = ? LIMIT 1')
    .all(destinationId, partition, blockOf(position));
  const decided = block && outcomeInBlock(String(block['outcomes']), position);
  const [letter] = db
    .prepare(
      'SELECT code, died_at_ms, attempt_count FROM dead WHERE destination = ? AND partition = ? AND position = ? LIMIT 1',
    )
    .all(destinationId, partition, position);
  if (decided?.outcome === 'delivered') return { kind: 'delivered' };
  if (decided?.outcome === 'filtered') return { kind: 'filtered', code: decided.code };
  if (letter) {
    // The letter outlives the decision.
    return {
      kind: 'dead',
      code: String(letter['code']),
      diedAtMs: Number(letter['died_at_ms']),
      attemptCount: Number(letter['attempt_count']),
    };
  }
  if (decided) return { kind: 'dead', code: decided.code };
  return { kind: position < cursor ? 'unrecorded' : 'undecided' };
}

/** Newest first, one more than are shown where there are so many. */
function readAttempts(db: SqliteDatabase, { destinationId, partition, position }: Place): TracedAttempt[] {
  const page = db.prepare(`
    SELECT id, started_at_ms, duration_ms, code, positions
    FROM attempt_block JOIN attempt ON attempt.id = attempt_id
    WHERE attempt_block.partition = ? AND block = ? AND attempt_block.destination = ? AND attempt_id < ?
    ORDER BY attempt_id DESC LIMIT ?`);
  const found: TracedAttempt[] = [];
  let before = Number.MAX_SAFE_INTEGER;
  for (;;) {
    const rows = page.all(partition, blockOf(position), destinationId, before, ATTEMPT_PAGE_COUNT);
    for (const row of rows) {
      before = Number(row['id']);
      const ranges = parseRanges(String(row['positions']));
      if (!includesNumber(ranges, position)) continue;
      found.push({
        startedAtMs: Number(row['started_at_ms']),
        durationMs: Number(row['duration_ms']),
        code: String(row['code']),
        eventCount: ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0),
      });
      if (found.length > TRACE_ATTEMPT_COUNT) return found;
    }
    if (rows.length < ATTEMPT_PAGE_COUNT) return found;
  }
}
