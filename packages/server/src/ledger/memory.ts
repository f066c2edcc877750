import type { JsonObject } from '@millrace/spec';
import type { Partition, Position } from '../log/log.ts';
import { EpochError } from './ledger.ts';
import type { DestinationTotals, Ledger, LedgerReader, PendingEvent, Settlement } from './ledger.ts';

/** A ledger without a file, for tests. Like the file it outlives the routers that open it. */
export interface MemoryLedger {
  /** All that was committed, in order. */
  readonly settlements: readonly Settlement[];
  /** As a starting router does: the ones opened before lose it. */
  open(): Ledger;
  reader(): LedgerReader;
}

export function memoryLedger(): MemoryLedger {
  const settlements: Settlement[] = [];
  let currentEpoch = 0;
  const of = (destinationId: string): Settlement[] =>
    settlements.filter((settlement) => settlement.destinationId === destinationId);
  const inPartition = (destinationId: string, partition: Partition): Settlement[] =>
    of(destinationId).filter((settlement) => settlement.partition === partition);

  return {
    settlements,
    open() {
      const epoch = ++currentEpoch;
      return {
        load(destinationId, partition) {
          const own = inPartition(destinationId, partition);
          return {
            cursor: own.at(-1)?.cursor,
            state: structuredClone(lastState(of(destinationId))),
            pending: structuredClone(pendingAfter(own)),
          };
        },
        commit(settlement) {
          if (epoch !== currentEpoch) throw new EpochError('another router has opened the ledger');
          settlements.push(copyOf(settlement));
        },
        close: () => undefined,
      };
    },
    reader: () => ({
      totals() {
        const ids = new Set(settlements.map(({ destinationId }) => destinationId));
        return [...ids].toSorted().map((id) => totalsOf(id, of(id)));
      },
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

function totalsOf(destinationId: string, settlements: readonly Settlement[]): DestinationTotals {
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
    filtered: countByCode('filtered'),
    dead: countByCode('dead'),
    pendingCount: Object.keys(cursors)
      .map(
        (partition) => pendingAfter(settlements.filter((one) => one.partition === Number(partition))).length,
      )
      .reduce((sum, count) => sum + count, 0),
    cursors,
    ...(failed && { lastFailure: { atMs: failed.startedAtMs + failed.durationMs, code: failed.code } }),
  };
}
