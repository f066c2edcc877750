import type { Places } from './store.ts';

/** Events in a row of which either all or none are waited for. */
export interface StoredRange extends Places {
  isTold: boolean;
}

/** Which events only the disk has, oldest first: ranges of places, however many events there are. */
export class StoredPlaces {
  #ranges: StoredRange[] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  get first(): Readonly<StoredRange> | undefined {
    return this.#ranges[0];
  }

  add({ from, end }: Places): void {
    const last = this.#ranges.at(-1);
    if (last && last.end === from && !last.isTold) last.end = end;
    else this.#ranges.push({ from, end, isTold: false });
    this.#count += end - from;
  }

  /** Takes those out that are before the place `end`, of the first range. */
  takeUpTo(end: number): void {
    const [first] = this.#ranges;
    if (!first) return;
    this.#count -= end - first.from;
    first.from = end;
    this.#forgetEmpty();
  }

  /** Takes places out that lie within one range. @returns what that was; undefined where there is none such. */
  take(places: Places): StoredRange | undefined {
    const at = this.#ranges.findIndex(({ from, end }) => from <= places.from && places.end <= end);
    const range = this.#ranges[at];
    if (!range) return undefined;
    this.#ranges.splice(at, 1, { ...range, end: places.from }, { ...range, from: places.end });
    this.#count -= places.end - places.from;
    this.#forgetEmpty();
    return range;
  }

  /** Nobody waits for any of them from now on. @returns where somebody did. */
  tell(): Places[] {
    const untold = this.#ranges.filter(({ isTold }) => !isTold);
    for (const range of untold) range.isTold = true;
    return untold.map(({ from, end }) => ({ from, end }));
  }

  clear(): void {
    this.#ranges = [];
    this.#count = 0;
  }

  #forgetEmpty(): void {
    this.#ranges = this.#ranges.filter(({ from, end }) => from < end);
  }
}

/** The same places in as few ranges as can be. */
export function joined(ranges: readonly Places[]): Places[] {
  const result: Places[] = [];
  for (const { from, end } of ranges) {
    const last = result.at(-1);
    if (last?.end === from) last.end = end;
    else result.push({ from, end });
  }
  return result;
}
