import type { JsonObject } from '@millrace/spec';
import type { Partition, Position } from '../log/log.ts';
import { systemClock, type Clock } from '../clock.ts';
import { memoryDead, type MemoryDead } from './dead-memory.ts';
import { EpochError, TRACE_ATTEMPT_COUNT } from './ledger.ts';
import type {
  DestinationProgress,
  DestinationTotals,
  DestinationTrace,
  Ledger,
  LedgerReader,
  PendingEvent,
  Settlement,
  TracedDecision,
} from './ledger.ts';
import { memoryCounts } from './memory-counts.ts';

/** A ledger without a file, for tests. Like the file it outlives the routers that open it. */
export interface MemoryLedger {
  /** All that was committed, in order. */
  readonly settlements: readonly Settlement[];
  /** As a starting router does: the ones opened before lose it. */
  open(): Ledger;
  reader(): LedgerReader;
}

export function memoryLedger(clock: Pick<Clock, 'nowMs'> = systemClock): MemoryLedger {
  const settlements: Settlement[] = [];
  const times = new Map<Settlement, number>();
  const counts = memoryCounts();
  let pruned = new Set<Settlement>();
  const deadLetters = memoryDead();
  let currentEpoch = 0;
  const of = (destinationId: string): Settlement[] =>
    settlements.filter((settlement) => settlement.destinationId === destinationId);
  const inPartition = (destinationId: string, partition: Partition): Settlement[] =>
    of(destinationId).filter((settlement) => settlement.partition === partition);
  const loadPending = (destinationId: string, partition: Partition): DestinationProgress['pending'] =>
    structuredClone(pendingAfter(inPartition(destinationId, partition))).map((pending) => {
      const event = deadLetters.copyOf({ destinationId, partition, position: pending.position });
      return event ? { ...pending, event } : pending;
    });

  return {
    settlements,
    open() {
      const epoch = ++currentEpoch;
      const checkEpoch = (): void => {
        if (epoch !== currentEpoch) throw new EpochError('another router has opened the ledger');
      };
      return {
        load(destinationId, partition) {
          const own = inPartition(destinationId, partition);
          return {
            cursor: own.at(-1)?.cursor,
            state: structuredClone(lastState(of(destinationId))),
            pending: loadPending(destinationId, partition),
          };
        },
        neededFrom(destinationId, partition) {
          const cursor = inPartition(destinationId, partition).at(-1)?.cursor;
          const first =
            loadPending(destinationId, partition).find(({ event }) => !event)?.position ?? Infinity;
          return cursor === undefined ? undefined : Math.min(cursor, first);
        },
        commit(settlement) {
          checkEpoch();
          const kept = copyOf(settlement);
          settlements.push(kept);
          times.set(kept, clock.nowMs());
          counts.add(kept, clock.nowMs());
          deadLetters.commit(settlement);
        },
        prune(retainMs) {
          checkEpoch();
          const fromMs = clock.nowMs() - retainMs;
          pruned = new Set(settlements.filter((settlement) => times.get(settlement)! < fromMs));
          counts.tidy(clock.nowMs());
          return false;
        },
        changeDead(action, selection) {
          checkEpoch();
          return deadLetters.change(action, selection);
        },
        revive(destinationId, partition, limit) {
          if (!deadLetters.isAsked(destinationId, partition)) return [];
          checkEpoch();
          const revived = deadLetters.revive(destinationId, partition, limit);
          const cursor = inPartition(destinationId, partition).at(-1)?.cursor ?? 0;
          const pending = revived.map(({ position }) => ({ position, attemptCount: 0, notBeforeMs: 0 }));
          if (revived.length > 0)
            settlements.push({ destinationId, partition, cursor, decisions: [], pending, dead: [] });
          return revived;
        },
        close: () => undefined,
      };
    },
    reader: () => ({
      check: () => undefined,
      totals() {
        const ids = new Set(settlements.map(({ destinationId }) => destinationId));
        return [...ids].toSorted().map((id) => totalsOf(id, of(id), deadLetters));
      },
      trace: (partition, position) => {
        const ids = new Set(
          settlements.filter((one) => one.partition === partition).map(({ destinationId }) => destinationId),
        );
        return [...ids].toSorted().map((id) => traceOf(id, inPartition(id, partition), position, pruned));
      },
      eventCounts: (query) => counts.eventCounts(query),
      requestTimes: (query) => counts.requestTimes(query),
      deadLetters: (filter, page) => deadLetters.list(filter, page),
      deadLetter: (place) => deadLetters.letter(place),
      close: () => undefined,
    }),
  };
}

/** A structured clone would turn the buffers into plain byte arrays. */
function copyOf(settlement: Settlement): Settlement {
  const { dead, ...rest } = settlement;
  return {
    ...structuredClone(rest),
    dead: dead.map((letter) => ({ ...letter, event: Buffer.from(letter.event) })),
  };
}

function lastState(settlements: readonly Settlement[]): JsonObject | undefined {
  return settlements.findLast(({ state }) => state)?.state;
}

function pendingAfter(settlements: readonly Settlement[]): PendingEvent[] {
  const pending = new Map<Position, PendingEvent>();
  for (const settlement of settlements) {
    for (const { position } of settlement.decisions) pending.delete(position);
    for (const event of settlement.pending) pending.set(event.position, event);
  }
  return [...pending.values()].toSorted((a, b) => a.position - b.position);
}

function traceOf(
  destinationId: string,
  settlements: readonly Settlement[],
  position: Position,
  pruned: ReadonlySet<Settlement>,
): DestinationTrace {
  const attempts = settlements.flatMap((settlement) => {
    const { attempt } = settlement;
    return attempt?.positions.includes(position) && !pruned.has(settlement) ? [attempt] : [];
  });
  return {
    destinationId,
    decision: decisionOf(settlements, position, pruned),
    attempts: attempts
      .slice(-TRACE_ATTEMPT_COUNT)
      .map(({ positions, ...attempt }) => ({ ...attempt, eventCount: positions.length })),
    isCut: attempts.length > TRACE_ATTEMPT_COUNT,
  };
}

function decisionOf(
  settlements: readonly Settlement[],
  position: Position,
  pruned: ReadonlySet<Settlement>,
): TracedDecision {
  const waiting = pendingAfter(settlements).find((event) => event.position === position);
  if (waiting) {
    const { attemptCount, notBeforeMs, firstAttemptAtMs, code } = waiting;
    return {
      kind: 'pending',
      attemptCount,
      notBeforeMs,
      ...(firstAttemptAtMs !== undefined && { firstAttemptAtMs }),
      ...(code !== undefined && { code }),
    };
  }
  const decided = settlements
    .filter((settlement) => !pruned.has(settlement))
    .flatMap(({ decisions }) => decisions)
    .findLast((decision) => decision.position === position);
  const letter = settlements.flatMap(({ dead }) => dead).findLast((dead) => dead.position === position);
  if (!decided && letter) {
    const { code, diedAtMs, attemptCount } = letter;
    return { kind: 'dead', code, diedAtMs, attemptCount };
  }
  if (!decided) return { kind: position < (settlements.at(-1)?.cursor ?? 0) ? 'unrecorded' : 'undecided' };
  if (decided.outcome === 'delivered') return { kind: 'delivered' };
  if (decided.outcome === 'filtered') return { kind: 'filtered', code: decided.code };
  return {
    kind: 'dead',
    code: decided.code,
    ...(letter && { diedAtMs: letter.diedAtMs, attemptCount: letter.attemptCount }),
  };
}

function totalsOf(
  destinationId: string,
  settlements: readonly Settlement[],
  { revivedCounts, droppedCounts }: MemoryDead,
): DestinationTotals {
  const cursors: Record<Partition, Position> = {};
  for (const { partition, cursor } of settlements) cursors[partition] = cursor;
  const decisions = settlements.flatMap((settlement) => settlement.decisions);
  const countByCode = (outcome: 'filtered' | 'dead'): Record<string, number> => {
    const counts: Record<string, number> = {};
    for (const decision of decisions) {
      if (decision.outcome === outcome) counts[decision.code] = (counts[decision.code] ?? 0) + 1;
    }
    return counts;
  };
  const failed = settlements.findLast(({ attempt }) => attempt && attempt.code !== 'delivered')?.attempt;
  return {
    destinationId,
    deliveredCount: decisions.filter(({ outcome }) => outcome === 'delivered').length,
    reorderedCount: decisions.filter(({ reordered }) => reordered).length,
    filtered: countByCode('filtered'),
    dead: without(countByCode('dead'), revivedCounts.get(destinationId) ?? {}),
    dropped: { ...droppedCounts.get(destinationId) },
    revived: { ...revivedCounts.get(destinationId) },
    pendingCount: Object.keys(cursors)
      .map(
        (partition) => pendingAfter(settlements.filter((one) => one.partition === Number(partition))).length,
      )
      .reduce((sum, count) => sum + count, 0),
    cursors,
    ...(failed && { lastFailure: { atMs: failed.startedAtMs + failed.durationMs, code: failed.code } }),
  };
}

function without(counts: Record<string, number>, less: Record<string, number>): Record<string, number> {
  const left = Object.entries(counts).map(([code, count]) => [code, count - (less[code] ?? 0)] as const);
  return Object.fromEntries(left.filter(([, count]) => count > 0));
}
