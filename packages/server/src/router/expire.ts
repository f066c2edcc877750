import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Decision, Ledger } from '../ledger/ledger.ts';
import type { Partition, Position } from '../log/log.ts';

const CHUNK_COUNT = 10_000;

/**
 * Decides all that a destination still needs before a position as `EXPIRED_BEFORE_DELIVERY`. There are no dead letters: a
 * copy of the events is what there is no room for. Nobody has looked at them, so those that it would have filtered are
 * counted too. What has a copy of its event stays pending. The destination must be
 * stopped; synced when it resolves.
 * @returns How many events those were.
 */
export async function expire(
  ledger: Ledger,
  { destinationId, partition, before }: { destinationId: string; partition: Partition; before: Position },
): Promise<number> {
  const { cursor = before, pending } = ledger.load(destinationId, partition);
  const commit = (to: Position, positions: readonly Position[], synced: boolean): void =>
    ledger.commit({
      destinationId,
      partition,
      cursor: to,
      decisions: positions.map(expired),
      pending: [],
      dead: [],
      synced,
    });
  const tried = pending
    .filter(({ position, event }) => position < before && !event)
    .map(({ position }) => position);
  if (tried.length > 0) commit(cursor, tried, cursor >= before);
  for (let from = cursor; from < before; from += CHUNK_COUNT) {
    const to = Math.min(before, from + CHUNK_COUNT);
    const positions = Array.from({ length: to - from }, (_, i) => from + i);
    commit(to, positions, to === before);
    await nextTurn();
  }
  return tried.length + Math.max(0, before - cursor);
}

function expired(position: Position): Decision {
  return { position, outcome: 'dead', code: 'EXPIRED_BEFORE_DELIVERY' };
}
