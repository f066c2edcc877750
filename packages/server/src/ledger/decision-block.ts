import type { Position } from '../log/log.ts';
import type { Decision } from './ledger.ts';
import { formatRanges, parseRanges } from './ranges.ts';

/**
 * The decisions of one destination on the events of one block of positions, as JSON: for each
 * outcome the offsets in the block that had it, as ranges. A destination that filters or delivers
 * everything costs a few bytes a block, and one that alternates at most some 6 KB.
 */
export const BLOCK_POSITION_COUNT = 1024;

/** `delivered`, `filtered:<code>` or `dead:<code>`. */
type OutcomeKey = string;

export function blockOf(position: Position): number {
  return Math.floor(position / BLOCK_POSITION_COUNT);
}

/** The block with decisions added; a position that was decided before takes the new outcome. */
export function addToBlock(block: string | undefined, decisions: readonly Decision[]): string {
  const outcomes = block === undefined ? new Map<number, OutcomeKey>() : offsetsOf(block);
  for (const { position, outcome, code } of decisions) {
    outcomes.set(position % BLOCK_POSITION_COUNT, code === '' ? outcome : `${outcome}:${code}`);
  }
  const byOutcome = new Map<OutcomeKey, number[]>();
  for (const [offset, key] of [...outcomes].toSorted(([a], [b]) => a - b)) {
    const offsets = byOutcome.get(key);
    if (offsets) offsets.push(offset);
    else byOutcome.set(key, [offset]);
  }
  return JSON.stringify(
    Object.fromEntries([...byOutcome].map(([key, offsets]) => [key, formatRanges(offsets)])),
  );
}

/** What was decided in a block: position → outcome. */
export function outcomesInBlock(blockNumber: number, block: string): Map<Position, OutcomeKey> {
  const base = blockNumber * BLOCK_POSITION_COUNT;
  return new Map([...offsetsOf(block)].map(([offset, key]) => [base + offset, key]));
}

function offsetsOf(block: string): Map<number, OutcomeKey> {
  const ranges = Object.entries(JSON.parse(block) as Record<OutcomeKey, string>);
  return new Map(ranges.flatMap(([key, text]) => parseRanges(text).map((offset) => [offset, key] as const)));
}
