/** At least 0, below 1. */
export type Random = () => number;

export function happens(random: Random, probability: number): boolean {
  return random() < probability;
}

/** A whole number, both ends included. */
export function between(random: Random, least: number, most: number): number {
  return least + Math.floor(random() * (most - least + 1));
}

export function pick<List extends readonly [unknown, ...unknown[]]>(
  random: Random,
  list: List,
): List[number] {
  return list[between(random, 0, list.length - 1)];
}

export function hex(random: Random, digitCount: number): string {
  return Array.from({ length: digitCount }, () => between(random, 0, 15).toString(16)).join('');
}
