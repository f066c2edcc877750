import type { Position } from '../log/log.ts';
import type { Decision } from './ledger.ts';
import { addNumber, formatRanges, includesNumber, parseRanges, removeNumber, type Range } from './ranges.ts';

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

/** The blocks that the ranges touch, each once, ascending. */
export function blocksOf(ranges: readonly Range[]): number[] {
  const blocks = new Set<number>();
  for (const { first, last } of ranges) {
    for (let block = blockOf(first); block <= blockOf(last); block += 1) blocks.add(block);
  }
  return [...blocks];
}

/**
 * The block with decisions added; a position that was decided before takes the new outcome. Works
 * on ranges: a block is rewritten with every commit, mostly for a few events behind the others.
 */
export function addToBlock(block: string | undefined, decisions: readonly Decision[]): string {
  const outcomes = parseBlock(block ?? '{}');
  for (const { position, outcome, code } of decisions) {
    const offset = position % BLOCK_POSITION_COUNT;
    for (const ranges of outcomes.values()) removeNumber(ranges, offset);
    const key = code === '' ? outcome : `${outcome}:${code}`;
    const ranges = outcomes.get(key) ?? [];
    addNumber(ranges, offset);
    outcomes.set(key, ranges);
  }
  const written = [...outcomes].filter(([, { length }]) => length > 0);
  return JSON.stringify(Object.fromEntries(written.map(([key, ranges]) => [key, formatRanges(ranges)])));
}

/** What was decided of one event, if anything. */
export function outcomeInBlock(
  block: string,
  position: Position,
): Pick<Decision, 'outcome' | 'code'> | undefined {
  const offset = position % BLOCK_POSITION_COUNT;
  for (const [key, ranges] of parseBlock(block)) {
    if (!includesNumber(ranges, offset)) continue;
    const [outcome, code = ''] = splitKey(key);
    return { outcome, code };
  }
  return undefined;
}

function splitKey(key: OutcomeKey): [Decision['outcome'], string?] {
  const colon = key.indexOf(':');
  if (colon < 0) return [key as Decision['outcome']];
  return [key.slice(0, colon) as Decision['outcome'], key.slice(colon + 1)];
}

/** What was decided in a block: position → outcome. */
export function outcomesInBlock(blockNumber: number, block: string): Map<Position, OutcomeKey> {
  const base = blockNumber * BLOCK_POSITION_COUNT;
  const outcomes = new Map<Position, OutcomeKey>();
  for (const [key, ranges] of parseBlock(block)) {
    for (const { first, last } of ranges) {
      for (let offset = first; offset <= last; offset += 1) outcomes.set(base + offset, key);
    }
  }
  return outcomes;
}

function parseBlock(block: string): Map<OutcomeKey, Range[]> {
  const texts = Object.entries(JSON.parse(block) as Record<OutcomeKey, string>);
  return new Map(texts.map(([key, text]) => [key, parseRanges(text)]));
}
