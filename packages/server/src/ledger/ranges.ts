/** Ascending whole numbers as `0-4,7,9-10`: short where numbers follow each other. */

export interface Range {
  first: number;
  last: number;
}

/** The runs of consecutive numbers in an ascending list without repeats. */
export function rangesOf(numbers: readonly number[]): Range[] {
  const ranges: Range[] = [];
  let open: Range | undefined;
  for (const number of numbers) {
    if (open && number === open.last + 1) {
      open.last = number;
    } else {
      open = { first: number, last: number };
      ranges.push(open);
    }
  }
  return ranges;
}

export function formatRanges(numbers: readonly number[]): string {
  return rangesOf(numbers)
    .map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`))
    .join(',');
}

export function parseRanges(text: string): number[] {
  if (text === '') return [];
  return text.split(',').flatMap((range) => {
    const [first = Number.NaN, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}
