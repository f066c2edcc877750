import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  CONSOLE_CODES,
  FAILURE_CODES,
  FILTER_CODES,
  LIBRARY_CODES,
  REFUSAL_CODES,
  httpStatusCode,
} from './codes.ts';

const catalogues = { REFUSAL_CODES, FILTER_CODES, FAILURE_CODES, LIBRARY_CODES, CONSOLE_CODES };

describe('the catalogue of codes', () => {
  it('lists no code twice', () => {
    const codes = Object.values(catalogues).flatMap((catalogue) => Object.keys(catalogue));
    expect(codes.filter((code, at) => codes.indexOf(code) !== at)).toEqual([]);
  });

  it.each(Object.entries(catalogues))('says in words what each of %s means', (_, catalogue) => {
    for (const [code, words] of Object.entries(catalogue))
      expect([code, words]).toEqual([code, expect.stringMatching(/\w \w/)]);
  });

  it('writes refusals as Segment does and the rest in capitals', () => {
    for (const code of Object.keys(REFUSAL_CODES)) expect(code).toMatch(/^[a-z]+(_[a-z]+)*$/);
    for (const catalogue of [FILTER_CODES, FAILURE_CODES, LIBRARY_CODES]) {
      for (const code of Object.keys(catalogue)) expect(code).toMatch(/^[A-Z]+(_[A-Z]+)*$/);
    }
  });

  it('names a failed delivery by its HTTP status', () => {
    expect(httpStatusCode(503)).toBe('HTTP_503');
  });
});

describe('docs/codes.md', () => {
  const page = readFileSync(new URL('../../../docs/codes.md', import.meta.url), 'utf8');

  it.each([
    ['Refused by the collector', catalogues.REFUSAL_CODES],
    ['Filtered on purpose', catalogues.FILTER_CODES],
    [
      'Failed at a destination',
      { ...catalogues.FAILURE_CODES, 'HTTP_<status>': 'the destination answered with this status' },
    ],
    ['Given up by the library', catalogues.LIBRARY_CODES],
    ['Refused by the console', catalogues.CONSOLE_CODES],
  ])('lists under "%s" the codes of the code, in its words and order', (title, catalogue) => {
    expect(rowsUnder(page, title)).toEqual(Object.entries(catalogue));
  });

  it('has a section for each catalogue and no other', () => {
    expect(page.match(/^## /gm)).toHaveLength(Object.keys(catalogues).length);
  });

  it('says of each code what to do', () => {
    const rows = page.split('\n').filter((line) => line.startsWith('| `'));
    for (const row of rows) expect(row).toMatch(/ \| [A-Z][^|]{10,}[.?] +\|$/);
  });
});

/** Code and meaning of each row of a section's table; what to do is the last cell, the meaning that before it. */
function rowsUnder(page: string, title: string): [string | undefined, string | undefined][] {
  const section = page.split(/^## /m).find((text) => text.startsWith(`${title}\n`)) ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('| `'));
  return rows.map((row) => {
    const cells = row.split('|').map((cell) => cell.trim());
    return [cells[1]?.replaceAll('`', ''), cells.at(-3)];
  });
}
