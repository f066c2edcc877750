import { mkdtemp, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { watchFile } from './watch-file.ts';

let dir: string;
let file: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'watch-'));
  file = join(dir, 'millrace.config.ts');
  await writeFile(file, 'one');
});
afterEach(() => rm(dir, { recursive: true }));

it('tells of a file that is written, and of another one put in its place', async () => {
  const onChange = vi.fn<() => void>();
  const watched = await watchFile(file, onChange);
  await writeFile(file, 'two');
  await vi.waitFor(() => expect(onChange).toHaveBeenCalledTimes(1), { timeout: 5_000 });
  await writeFile(join(dir, '.new'), 'three');
  await rename(join(dir, '.new'), file);
  await vi.waitFor(() => expect(onChange).toHaveBeenCalledTimes(2), { timeout: 5_000 });
  watched.close();
});

it('tells of nothing where the content stays', async () => {
  const onChange = vi.fn<() => void>();
  const watched = await watchFile(file, onChange);
  await utimes(file, 1, 1);
  await writeFile(join(dir, 'other.ts'), 'two');
  // A change that is told of, after those that must not be.
  await writeFile(file, 'two');
  await vi.waitFor(() => expect(onChange).toHaveBeenCalled(), { timeout: 5_000 });
  expect(onChange).toHaveBeenCalledTimes(1);
  watched.close();
});
