import type { Position } from '../log/log.ts';
import { MAX_KEYS_PER_EVENT } from './keys.ts';
import type { CandidateQuery } from './search.ts';

/**
 * Positions that one block spans. A block is one array of numbers, each a key and how far behind the block's first
 * position an event with it is: 38 and 14 bits, what a double holds exactly. So an index is made by a plain sort.
 */
export const BLOCK_SPAN = 2 ** 14;

export interface BlockBounds {
  first: Position;
  /** The position after its last event. */
  to: Position;
  minMs: number;
  maxMs: number;
}

/** Gathers the events of one block. */
export class BlockBuilder {
  readonly bounds: BlockBounds;
  #entries = new Float64Array(1024);
  #count = 0;

  constructor(first: Position) {
    this.bounds = { first, to: first, minMs: Infinity, maxMs: -Infinity };
  }

  takes(position: Position): boolean {
    return position - this.bounds.first < BLOCK_SPAN;
  }

  add(position: Position, receivedAtMs: number, keys: readonly number[]): void {
    const { bounds } = this;
    if (this.#count + MAX_KEYS_PER_EVENT > this.#entries.length) {
      const grown = new Float64Array(this.#entries.length * 2);
      grown.set(this.#entries);
      this.#entries = grown;
    }
    for (const key of keys) this.#entries[this.#count++] = key * BLOCK_SPAN + (position - bounds.first);
    bounds.to = position + 1;
    bounds.minMs = Math.min(bounds.minMs, receivedAtMs);
    bounds.maxMs = Math.max(bounds.maxMs, receivedAtMs);
  }

  /** In the order in which they came. */
  get entries(): Float64Array {
    return this.#entries.subarray(0, this.#count);
  }

  /** About 5 ms where it is full. */
  sorted(): Float64Array {
    return this.entries.toSorted();
  }
}

/** Whether a block can hold a hit. */
export function overlaps({ first, to, minMs, maxMs }: BlockBounds, query: CandidateQuery): boolean {
  return first < query.to && to > query.from && minMs < query.toMs && maxMs >= query.fromMs;
}

/** All positions of a block that are asked for, newest first: those that stand under each of the keys. */
export function positionsIn(
  { first, to }: BlockBounds,
  query: CandidateQuery,
  offsetsOf: (key: number) => Set<number>,
): Position[] {
  const lists: Set<number>[] = [];
  for (const key of query.keys) {
    const offsets = offsetsOf(key);
    if (offsets.size === 0) return [];
    lists.push(offsets);
  }
  lists.sort((a, b) => a.size - b.size);
  const [rarest, ...others] = lists;
  const offsets = rarest ? [...rarest].filter((offset) => others.every((list) => list.has(offset))) : [];
  const positions = rarest
    ? offsets.map((offset) => first + offset)
    : Array.from({ length: to - first }, (_, offset) => first + offset);
  return positions
    .filter((position) => position >= query.from && position < query.to)
    .toSorted((a, b) => b - a);
}

/** Where in sorted entries the first one is that is not below `entry`. */
export function lowerBound(entries: Float64Array, entry: number): number {
  let low = 0;
  for (let high = entries.length; low < high;) {
    const middle = (low + high) >>> 1;
    if (entries[middle]! < entry) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function offsetsInSorted(entries: Float64Array, key: number): Set<number> {
  const end = lowerBound(entries, (key + 1) * BLOCK_SPAN);
  const offsets = new Set<number>();
  for (let i = lowerBound(entries, key * BLOCK_SPAN); i < end; i++) offsets.add(entries[i]! % BLOCK_SPAN);
  return offsets;
}

export function offsetsInUnsorted(entries: Float64Array, key: number): Set<number> {
  const offsets = new Set<number>();
  for (const entry of entries) {
    if (Math.floor(entry / BLOCK_SPAN) === key) offsets.add(entry % BLOCK_SPAN);
  }
  return offsets;
}
