import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { rolldown } from 'rolldown';

const run = promisify(execFile);

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** What `npm publish` would send. */
export interface Packed {
  name: string;
  tarball: string;
  files: string[];
  packedBytes: number;
  unpackedBytes: number;
}

interface NpmPackReport {
  name: string;
  filename: string;
  size: number;
  unpackedSize: number;
  files: { path: string }[];
}

export async function pack(workspace: string, into: string): Promise<Packed> {
  const args = ['pack', '--json', '--pack-destination', into, '--workspace', workspace];
  const { stdout } = await run('npm', args, { cwd: ROOT });
  const [report] = JSON.parse(stdout) as [NpmPackReport];
  return {
    name: report.name,
    tarball: join(into, report.filename),
    files: report.files.map(({ path }) => path).toSorted(),
    packedBytes: report.size,
    unpackedBytes: report.unpackedSize,
  };
}

/** What a built file costs whoever loads it over a network: minified and gzipped. */
export async function minifiedBytes(file: string): Promise<number> {
  const bundle = await rolldown({ input: join(ROOT, file), platform: 'node', external: /^node:/ });
  const { output } = await bundle.generate({ format: 'cjs', minify: true });
  return (await promisify(gzip)(output[0].code)).length;
}

/** What publint says of a tarball, suggestions included. */
export async function publintFaults({ tarball }: Packed): Promise<string[]> {
  const bytes = await readFile(tarball);
  // A copy, since a small file is a piece of a larger buffer.
  const { messages, pkg } = await publint({ pack: { tarball: new Uint8Array(bytes).buffer } });
  return messages.map((message) => `${message.type}: ${formatMessage(message, pkg, { color: false })}`);
}

/**
 * What "Are the types wrong?" says of a tarball; of one that is ESM alone, by its profile `esm-only`: not
 * what a `require` or a resolver from before `exports` makes of it.
 */
export async function attwFaults(
  { tarball }: Packed,
  { isEsmOnly }: { isEsmOnly: boolean },
): Promise<string[]> {
  const result = await checkPackage(createPackageFromTarballData(await readFile(tarball)));
  if (!result.types) return ['it has no types'];
  const ignored = isEsmOnly ? ['node10', 'node16-cjs'] : [];
  return result.problems
    .filter((problem) => !('resolutionKind' in problem && ignored.includes(problem.resolutionKind)))
    .map((problem) => JSON.stringify(problem));
}

/** The environment of a user who has never heard of this workspace: nothing of npm's, and an empty home. */
export function strangersEnv(home: string): NodeJS.ProcessEnv {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)));
  const path = (env['PATH'] ?? '').split(delimiter).filter((folder) => !folder.includes('node_modules'));
  return {
    ...env,
    PATH: path.join(delimiter),
    HOME: home,
    // What `npm ci` has fetched need not come again.
    npm_config_cache: process.env['npm_config_cache'],
  };
}
