import type { Fault, Outcome } from './fault.ts';

const HEAD = ['fault', 'delivered', 'lost', 'sent twice', 'reported', 'ended within', 'memory within'];

/** What was measured, as cells of text; of time and memory the bounds that were held, lest they flap. */
export function cellsOf({ name, expected }: Fault, outcome: Outcome): string[] {
  const { deliveredCount, lostCount, duplicateCount } = outcome;
  return [
    name,
    expected.deliveredCount === 'all' && lostCount === 0 ? 'all' : text(deliveredCount),
    text(lostCount),
    typeof expected.duplicateCount === 'string' ? expected.duplicateCount : text(duplicateCount),
    reportedText(outcome),
    `${expected.endsWithinMs / 1_000} s`,
    `${expected.memoryWithinMb} MB`,
  ];
}

function reportedText({ reported, handled, flushRejects }: Outcome): string {
  const codes = Object.entries(reported);
  const texts = codes.map(([code, count]) => `${text(count)} × \`${code}\``);
  const others = handled.filter((code) => reported[code] === undefined);
  texts.push(...others.map((code) => `\`${code}\` to \`errorHandler\``));
  if (flushRejects !== undefined) texts.push(`\`${flushRejects}\` from the flush`);
  return texts.join(', ') || 'nothing';
}

function text(count: number): string {
  return count.toLocaleString('en-US');
}

const START = '<!-- faults -->';
const END = '<!-- /faults -->';

/** The page with the table between its marks. */
export function withTable(page: string, rows: readonly string[][]): string {
  const lines = [HEAD, HEAD.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
  const [before, , after] = partsOf(page);
  return `${before}${START}\n\n${lines.join('\n')}\n\n${END}${after}`;
}

/** The cells of the table that the page has. */
export function tableIn(page: string): string[][] {
  const [, table] = partsOf(page);
  const lines = table.split('\n').filter((line) => line.startsWith('|'));
  return lines.slice(2).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

function partsOf(page: string): [before: string, table: string, after: string] {
  const [before, rest, ...more] = page.split(START);
  const [table, after] = rest?.split(END) ?? [];
  if (before === undefined || table === undefined || after === undefined || more.length > 0) {
    throw new Error(`the page has no place for the table between ${START} and ${END}`);
  }
  return [before, table, after];
}
