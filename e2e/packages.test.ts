import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  attwFaults,
  minifiedBytes,
  pack,
  publintFaults,
  strangersEnv,
  type Packed,
} from './harness/packages.ts';

const run = promisify(execFile);

const TSC = createRequire(import.meta.url).resolve('typescript/bin/tsc');

let folder: string;
let library: Packed;
let server: Packed;

beforeAll(async () => {
  // Outside the workspace, else Node and TypeScript would find its packages.
  folder = await mkdtemp(join(tmpdir(), 'millrace-packages-'));
  library = await pack('packages/node', folder);
  server = await pack('packages/server', folder);
  for (const { name, packedBytes, unpackedBytes, files } of [library, server]) {
    process.stdout.write(
      `${name}: ${kilobytes(packedBytes)} packed, ${kilobytes(unpackedBytes)} unpacked, ${files.length} files\n`,
    );
  }
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function kilobytes(bytes: number): string {
  return `${(bytes / 1000).toFixed(1)} kB`;
}

describe('@millrace/node, packed', () => {
  it('holds its bundles with their types, and no dependency', async () => {
    expect(library.files).toEqual([
      'LICENSE',
      'README.md',
      'dist/edge.cjs',
      'dist/edge.mjs',
      'dist/index.cjs',
      'dist/opentelemetry.cjs',
      'dist/testing.cjs',
      'edge.d.cts',
      'edge.d.mts',
      'index.d.cts',
      'index.d.mts',
      'index.mjs',
      'opentelemetry.d.cts',
      'opentelemetry.d.mts',
      'opentelemetry.mjs',
      'package.json',
      'testing.d.cts',
      'testing.d.mts',
      'testing.mjs',
    ]);
    expect(await manifestOf('node')).not.toHaveProperty('dependencies');
  });

  it('is as large as its README says, within a fifth', async () => {
    const readme = await readFile(inWorkspace('packages/node/README.md'), 'utf8');
    const stated = [...readme.matchAll(/^\| .*? \| +([\d.]+) kB \|$/gm)].map(([, size]) => Number(size));
    const measured = [
      library.packedBytes,
      library.unpackedBytes,
      await minifiedBytes('packages/node/dist/index.cjs'),
      await minifiedBytes('packages/node/dist/edge.mjs'),
    ].map((bytes) => bytes / 1000);
    process.stdout.write(`@millrace/node, in kB: ${measured.join(', ')}\n`);
    expect(stated).toHaveLength(measured.length);
    for (const [index, size] of measured.entries()) {
      expect(Math.abs(size - stated[index]!) / size).toBeLessThan(0.2);
    }
  });

  it('passes publint', async () => expect(await publintFaults(library)).toEqual([]));

  it('has types that every resolver finds', async () =>
    expect(await attwFaults(library, { isEsmOnly: false })).toEqual([]));
});

describe('millrace, packed', () => {
  it('holds its command, its bundles with types, and the page', () => {
    const [chunks, others] = split(server.files, /^dist\/chunks\/[\w-]+\.js$/);
    const [assets, rest] = split(others, /^dist\/console\/assets\/index-[\w-]+\.(js|css)$/);
    expect(chunks.length).toBeGreaterThan(0);
    expect(assets).toHaveLength(2);
    expect(rest).toEqual([
      'LICENSE',
      'README.md',
      'bin/millrace.js',
      'dist/cli.js',
      'dist/console/favicon.svg',
      'dist/console/index.html',
      'dist/console/licenses.md',
      'dist/index.d.ts',
      'dist/index.js',
      'dist/router.js',
      'package.json',
    ]);
  });

  it('needs nothing at run time that is not published', async () => {
    const manifest = await manifestOf('server');
    const names = Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies });
    expect(names.filter((name) => name.startsWith('@millrace/'))).toEqual(['@millrace/node']);
  });

  it('passes publint', async () => expect(await publintFaults(server)).toEqual([]));

  it('has types that every resolver of ESM finds', async () =>
    expect(await attwFaults(server, { isEsmOnly: true })).toEqual([]));
});

it.each(['node', 'server'])('packages/%s carries the licence of the workspace', async (name) => {
  expect(await readFile(inWorkspace(`packages/${name}/LICENSE`), 'utf8')).toBe(
    await readFile(inWorkspace('LICENSE'), 'utf8'),
  );
});

describe('both, installed from their tarballs into an empty project', () => {
  let project: string;
  let env: NodeJS.ProcessEnv;

  beforeAll(async () => {
    project = join(folder, 'project');
    const home = join(folder, 'home');
    await mkdir(project);
    await mkdir(home);
    env = strangersEnv(home);
    await writeFile(join(project, 'package.json'), '{ "private": true }\n');
    await run('npm', ['install', '--prefer-offline', '--no-audit', library.tarball, server.tarball], {
      cwd: project,
      env,
    });
  }, 120_000);

  it('run by npx: ready, takes an event, shows it and serves the page', async () => {
    // A process group, as a terminal makes one: its Ctrl-C reaches npx and the server alike.
    const npx = spawn('npx', ['--no', 'millrace', 'dev', '--port', '0', '--console-port', '0'], {
      cwd: project,
      env,
      detached: true,
    });
    const exit = once(npx, 'close');
    const output = { stdout: '', stderr: '' };
    npx.stdout.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()));
    npx.stderr.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()));
    try {
      const [, trackingUrl, consoleUrl] = await vi.waitFor(
        () => {
          const ready = /^ready tracking=(\S+) console=(\S+)$/m.exec(output.stdout);
          if (!ready) throw new Error(`not ready: ${output.stderr}`);
          return ready;
        },
        { timeout: 20_000 },
      );
      const track = `
        const Analytics = require('@millrace/node');
        const analytics = new Analytics('any', { host: '${trackingUrl}' });
        analytics.track({ userId: 'ada', event: 'Unpacked' });
        analytics.flush().then(() => console.log('sent'));
      `;
      expect((await run(process.execPath, ['-e', track], { cwd: project, env })).stdout).toBe('sent\n');
      await vi.waitFor(async () => {
        expect(await (await fetch(`${consoleUrl}/api/events`)).text()).toContain('Unpacked');
      });
      expect(await (await fetch(consoleUrl!)).text()).toContain('<title>');
    } finally {
      if (npx.exitCode === null) process.kill(-npx.pid!, 'SIGINT');
      await exit;
    }
  });

  it('give one class, however it is required or imported', async () => {
    const program = `
      import { createRequire } from 'node:module';
      import Default, { Analytics } from '@millrace/node';
      const required = createRequire(import.meta.url)('@millrace/node');
      const forms = [required, required.default, required.Analytics, Default, Analytics];
      console.log(typeof required, required.name, new Set(forms).size);
    `;
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', program], {
      cwd: project,
      env,
    });
    expect(stdout).toBe('function Analytics 1\n');
  });

  it.each([
    { module: 'node16', moduleResolution: 'node16', files: ['app.mts', 'required.cts'] },
    { module: 'esnext', moduleResolution: 'bundler', files: ['app.mts', 'app.ts'] },
  ])(
    'compile under moduleResolution $moduleResolution, without any other types',
    async ({ files, ...by }) => {
      await writeFile(join(project, 'app.mts'), APP);
      await writeFile(join(project, 'app.ts'), APP);
      await writeFile(join(project, 'required.cts'), REQUIRED);
      const compilerOptions = {
        ...by,
        target: 'es2022',
        lib: ['es2022'],
        types: [],
        strict: true,
        exactOptionalPropertyTypes: true,
        skipLibCheck: false,
        noEmit: true,
      };
      await writeFile(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }));
      const said = await run(process.execPath, [TSC, '--pretty', 'false'], { cwd: project }).then(
        ({ stdout }) => stdout,
        (error: { stdout: string }) => error.stdout,
      );
      expect(said).toBe('');
    },
  );
});

const APP = `
import Analytics, { Analytics as Named } from '@millrace/node';
import { defineConfig, files, webhook, type UserConfig } from 'millrace';

const same: typeof Analytics = Named;
const analytics: Analytics = new same('KEY', { host: 'http://127.0.0.1:3700' });
analytics.track({ userId: 'ada', event: 'Compiled', properties: { total: 39.95 } });
// @ts-expect-error -- an event needs its name
analytics.track({ userId: 'ada' });

const config: UserConfig = defineConfig({
  sources: [{ id: 'shop', name: 'Shop', writeKey: 'key' }],
  destinations: [
    webhook({ id: 'crm', url: 'https://crm.example.com/events', batch: { maxCount: 100 } }),
    files({ id: 'archive', dir: 'events' }),
  ],
});
// @ts-expect-error -- a webhook needs its url
webhook({ id: 'crm' });
export default config;
`;

const REQUIRED = `
import Analytics = require('@millrace/node');

const analytics: Analytics = new Analytics({ writeKey: 'KEY' });
const options: Analytics.Options = { flushAt: 1 };
analytics.identify({ userId: 'ada', traits: { plan: 'Pro' } });
export = options;
`;

interface Manifest {
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

async function manifestOf(name: string): Promise<Manifest> {
  return JSON.parse(await readFile(inWorkspace(`packages/${name}/package.json`), 'utf8')) as Manifest;
}

function inWorkspace(path: string): string {
  return fileURLToPath(new URL(`../${path}`, import.meta.url));
}

function split(files: readonly string[], pattern: RegExp): [string[], string[]] {
  return [files.filter((file) => pattern.test(file)), files.filter((file) => !pattern.test(file))];
}
