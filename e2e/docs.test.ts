import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const root = new URL('..', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');

describe('docs/guarantees.md', () => {
  const cited = [...read('docs/guarantees.md').matchAll(/^- `(.+?)` › (.+)$/gm)].map(
    ([, file, name]) => [file!, name!] as const,
  );

  it('names a test for each promise', () => {
    const promises = read('docs/guarantees.md').split(/^## /m).slice(1);
    expect(promises.length).toBeGreaterThan(5);
    expect(promises.filter((promise) => !/^- `.+?` › /m.test(promise))).toEqual([]);
  });

  it.each(cited)('%s has the test: %s', (file, name) => {
    const text = read(file).replaceAll(/\s+/g, ' ');
    expect(text).toMatch(/\b(it|it\.each\(.*?\))\(/);
    expect(text).toContain(name);
  });
});

describe.each([
  'README.md',
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  'docs/operations.md',
  'docs/destinations.md',
  'docs/guarantees.md',
  'docs/library.md',
  'docs/library/migrating.md',
  'examples/README.md',
])('%s', (page) => {
  it('links only to files that are there', () => {
    const links = [...read(page).matchAll(/\]\((?!https?:|#)([^)#]+)(#[^)]*)?\)/g)].map(([, link]) => link!);
    const folder = new URL(page, root);
    expect(links.filter((link) => !existsSync(new URL(link, folder)))).toEqual([]);
  });
});
