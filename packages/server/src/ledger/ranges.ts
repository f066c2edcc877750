/** Whole numbers as ascending runs, written `0-4,7,9-10`: short where numbers follow each other. */

export interface Range {
  first: number;
  last: number;
}

/** The runs of consecutive numbers in an ascending list without repeats. */
export function rangesOf(numbers: readonly number[]): Range[] {
  const ranges: Range[] = [];
  for (const number of numbers) addNumber(ranges, number);
  return ranges;
}

/** Adds a number to ascending runs, in place; quick where it follows the last one. */
export function addNumber(ranges: Range[], number: number): void {
  // The first run that the number does not lie behind, with a gap between them.
  const index = ranges.findLastIndex(({ last }) => last < number - 1) + 1;
  const range = ranges[index];
  if (!range || number < range.first - 1) {
    ranges.splice(index, 0, { first: number, last: number });
    return;
  }
  range.first = Math.min(range.first, number);
  if (number <= range.last) return;
  range.last = number;
  const next = ranges[index + 1];
  if (next?.first !== number + 1) return;
  range.last = next.last;
  ranges.splice(index + 1, 1);
}

/** Takes a number out of ascending runs, in place. */
export function removeNumber(ranges: Range[], number: number): void {
  const index = ranges.findIndex(({ first, last }) => first <= number && number <= last);
  const range = ranges[index];
  if (!range) return;
  const parts = [
    { first: range.first, last: number - 1 },
    { first: number + 1, last: range.last },
  ];
  ranges.splice(index, 1, ...parts.filter(({ first, last }) => first <= last));
}

export function includesNumber(ranges: readonly Range[], number: number): boolean {
  return ranges.some(({ first, last }) => first <= number && number <= last);
}

export function formatRanges(ranges: readonly Range[]): string {
  return ranges.map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`)).join(',');
}

export function parseRanges(text: string): Range[] {
  if (text === '') return [];
  return text.split(',').map((range) => {
    const [first = Number.NaN, last = first] = range.split('-').map(Number);
    return { first, last };
  });
}
