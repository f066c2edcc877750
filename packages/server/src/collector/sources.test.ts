import { mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { replaceFile } from './replace-file.ts';
import { configuredSources, discoveredSources } from './sources.ts';

describe('configuredSources', () => {
  it('knows its sources by their write keys and no other key', () => {
    const web = { id: 'web', name: 'Web', writeKey: 'web-key' };
    const api = { id: 'api', name: 'API', writeKey: 'api-key' };
    const sources = configuredSources([web, api]);
    expect(sources.resolve('api-key')).toBe(api);
    expect(sources.resolve('api-ke')).toBeUndefined();
    expect(sources.resolve('')).toBeUndefined();
    expect(sources.list()).toEqual([web, api]);
  });
});

describe('discoveredSources', () => {
  let folder: string;
  let file: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'millrace-sources-'));
    file = join(folder, 'sources.json');
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('makes a source of every key, and the same one of the same key', async () => {
    const sources = await discoveredSources({ file });
    const first = await sources.resolve('key-1');
    expect(first).toMatchObject({ id: expect.stringMatching(/^source-[0-9a-f]{12}$/), writeKey: 'key-1' });
    expect(await sources.resolve('key-1')).toBe(first);
    expect((await sources.resolve('key-2'))?.id).not.toBe(first?.id);
    expect(sources.list().map((source) => source.writeKey)).toEqual(['key-1', 'key-2']);
  });

  it('does not show the key in id or name', async () => {
    const source = await (await discoveredSources({ file })).resolve('0123456789abcdef');
    expect(`${source?.id} ${source?.name}`).not.toContain('0123');
  });

  it('keeps them across a restart', async () => {
    const before = await (await discoveredSources({ file })).resolve('key');
    const after = await discoveredSources({ file });
    expect(after.list()).toEqual([before]);
    expect(after.resolve('key')).toEqual(before);
  });

  it('gives a key the same id when the file was lost', async () => {
    const before = await (await discoveredSources({ file })).resolve('key');
    await rm(file);
    expect(await (await discoveredSources({ file })).resolve('key')).toEqual(before);
  });

  it('leaves one file, for its owner alone', async () => {
    await (await discoveredSources({ file })).resolve('key');
    expect(await readdir(folder)).toEqual(['sources.json']);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it('resolves a key only once the file is written, and writes it once however many ask', async () => {
    const writes: { content: string; finish: () => void }[] = [];
    const sources = await discoveredSources({
      file,
      replace: (_, content) => new Promise((finish) => writes.push({ content, finish })),
    });
    const resolved: unknown[] = [];
    const asked = [sources.resolve('key'), sources.resolve('key'), sources.resolve('other')].map(
      async (source) => resolved.push(await source),
    );
    await new Promise(setImmediate);
    expect(writes).toHaveLength(1);
    expect(resolved).toEqual([]);
    expect(sources.list()).toEqual([]);

    writes[0]?.finish();
    await Promise.all(asked.slice(0, 2));
    expect(writes).toHaveLength(2);
    expect(writes[1]?.content).toContain('"key"');
    expect(writes[1]?.content).toContain('"other"');
    writes[1]?.finish();
    await Promise.all(asked);
    expect(sources.list()).toHaveLength(2);
  });

  it('tries again after a write that failed, and says when the disk was full', async () => {
    const failures = [Object.assign(new Error('full'), { code: 'ENOSPC' }), new Error('odd')];
    const sources = await discoveredSources({
      file,
      replace: async (...args) => {
        const failure = failures.shift();
        if (failure) throw failure;
        await replaceFile(...args);
      },
    });
    await expect(sources.resolve('key')).rejects.toMatchObject({
      name: 'SourceWriteError',
      code: 'disk_full',
    });
    await expect(sources.resolve('key')).rejects.toMatchObject({ code: 'log_unavailable' });
    expect(sources.list()).toEqual([]);
    expect(await sources.resolve('key')).toMatchObject({ writeKey: 'key' });
  });

  it('bounds their number, counting those on their way', async () => {
    const sources = await discoveredSources({ file, maxCount: 2 });
    const [first, second, third] = ['a', 'b', 'c'].map((key) => sources.resolve(key));
    expect(third).toBeUndefined();
    expect(await first).toBeDefined();
    expect(await second).toBeDefined();
    expect(sources.resolve('c')).toBeUndefined();
    expect(await sources.resolve('a')).toMatchObject({ writeKey: 'a' });
  });

  it.each([
    ['empty', ''],
    ['too long', 'x'.repeat(257)],
    ['with a colon, which Basic could not carry', 'a:b'],
    ['with control characters', 'a\nb'],
  ])('knows no key that is %s', async (_, key) => {
    expect((await discoveredSources({ file })).resolve(key)).toBeUndefined();
  });

  it.each([
    '',
    '{',
    '[]',
    '{"version":2,"sources":[]}',
    '{"version":1,"sources":[{"id":"a","writeKey":"secret"}]}',
  ])('names the file when it holds %j, and quotes none of it', async (content) => {
    await writeFile(file, content);
    const opening = discoveredSources({ file });
    await expect(opening).rejects.toMatchObject({ name: 'SourcesFileError', code: 'sources_file_damaged' });
    await expect(opening).rejects.toThrow(file);
    await expect(opening).rejects.not.toThrow('secret');
    expect(await readFile(file, 'utf8')).toBe(content);
  });
});
