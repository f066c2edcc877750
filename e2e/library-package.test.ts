import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pack, strangersEnv } from './harness/packages.ts';

const run = promisify(execFile);
const require = createRequire(import.meta.url);

let folder: string;
let project: string;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  // Outside the workspace, else Node and TypeScript would find its packages.
  folder = await mkdtemp(join(tmpdir(), 'millrace-library-'));
  const { tarball } = await pack('packages/node', folder);
  project = join(folder, 'project');
  await mkdir(project);
  await mkdir(join(folder, 'home'));
  env = strangersEnv(join(folder, 'home'));
  await writeFile(join(project, 'package.json'), '{ "private": true }\n');
  await run('npm', ['install', '--offline', '--no-audit', tarball], { cwd: project, env });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** All that it said; also when it failed. */
async function said(script: string, args: readonly string[]): Promise<{ code: number; output: string }> {
  try {
    const { stdout, stderr } = await run(process.execPath, [script, ...args], { cwd: project, env });
    return { code: 0, output: stdout + stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, output: stdout + stderr };
  }
}

const USE = `
  const analytics: Analytics = new Analytics('KEY', { flushAt: 1 });
  const options: Analytics.Options = { host: 'http://127.0.0.1:3700' };
  const typed = new Analytics<{ 'Order Completed': { total: number } }>({ writeKey: 'KEY', ...options });
  // @ts-expect-error -- no such event
  () => typed.track({ userId: 'ada', event: 'Order Complete', properties: { total: 39.95 } });
  console.log(typeof analytics.track, typed.writeKey);
`;
const AS_NAMESPACE = USE.replaceAll(/\bAnalytics\b/g, 'everything.Analytics');
const FORMS = {
  'import = require': `import Analytics = require('@millrace/node');${USE}`,
  'import default': `import Analytics from '@millrace/node';${USE}`,
  'import { named }': `import { Analytics } from '@millrace/node';${USE}`,
  'import * as': `import * as everything from '@millrace/node';${AS_NAMESPACE}`,
};
/** What was written for analytics-node without `esModuleInterop`: the namespace is the class. */
const NAMESPACE_AS_CLASS = `import * as Analytics from '@millrace/node';${USE}`;

describe('TypeScript', () => {
  const compilers = [
    { name: 'node16, CommonJS', extension: 'cts', module: 'node16', moduleResolution: 'node16' },
    { name: 'node16, ESM', extension: 'mts', module: 'node16', moduleResolution: 'node16' },
    { name: 'bundler', extension: 'mts', module: 'esnext', moduleResolution: 'bundler' },
    { name: 'node10', extension: 'ts', module: 'commonjs', moduleResolution: 'node10' },
  ].flatMap((compiler) => [true, false].map((esModuleInterop) => ({ ...compiler, esModuleInterop })));

  it.each(compilers)(
    '$name, esModuleInterop $esModuleInterop: every way to import compiles, and runs',
    async ({ name, extension, ...options }) => {
      const at = `${extension}-${name.replaceAll(/\W/g, '')}-${options.esModuleInterop}`;
      const isCommonJs = extension !== 'mts';
      const forms = Object.entries({
        ...FORMS,
        ...(isCommonJs && !options.esModuleInterop && { 'import * as, as the class': NAMESPACE_AS_CLASS }),
      }).filter(([form]) => isCommonJs || form !== 'import = require');
      await mkdir(join(project, at));
      const files = forms.map((_, index) => `form-${index}.${extension}`);
      for (const [index, [, program]] of forms.entries()) {
        await writeFile(join(project, at, files[index]!), program);
      }
      const compilerOptions = {
        ...options,
        target: 'es2022',
        lib: ['es2022'],
        types: [],
        strict: true,
        skipLibCheck: false,
        outDir: 'out',
      };
      // `console` without any types but ours.
      await writeFile(
        join(project, at, 'console.d.ts'),
        'declare const console: { log(...args: unknown[]): void };',
      );
      const config = join(project, at, 'tsconfig.json');
      await writeFile(config, JSON.stringify({ compilerOptions, files: [...files, 'console.d.ts'] }));
      expect(await said(require.resolve('typescript/bin/tsc'), ['--pretty', 'false', '-p', config])).toEqual({
        code: 0,
        output: '',
      });
      for (const file of files) {
        const compiled = join(project, at, 'out', file.replace(/ts$/, 'js'));
        expect(await said(compiled, [])).toEqual({ code: 0, output: 'function KEY\n' });
      }
    },
  );
});

describe('the sample of a test in docs/library.md', () => {
  let sample: string;

  beforeAll(async () => {
    const docs = await readFile(fileURLToPath(new URL('../docs/library.md', import.meta.url)), 'utf8');
    const samples = [...docs.matchAll(/^```js\n(.*?)^```/gms)].map(([, code]) => code!);
    sample = samples.find((code) => code.includes('@millrace/node/testing'))!;
    await mkdir(join(project, 'sample'));
  });

  it('passes, and fails as the page says when the total is another', async () => {
    const file = join(project, 'sample/order.cjs');
    await writeFile(file, sample);
    expect(await said('--test', [file])).toMatchObject({
      code: 0,
      output: expect.stringMatching(/pass 1$/m),
    });
    await writeFile(file, sample.replace('39.95 });', '39.9 });'));
    const { code, output } = await said('--test', [file]);
    expect(code).toBe(1);
    const docs = await readFile(fileURLToPath(new URL('../docs/library.md', import.meta.url)), 'utf8');
    const [, message] = /^```\n(Expected track .*?)^```/ms.exec(docs)!;
    const lines = message!.split('\n').map((line) => line.trim());
    for (const line of lines) expect(output).toContain(line);
  });

  it('passes in Jest without its first line', async () => {
    const lines = sample.split('\n');
    expect(lines.shift()).toBe("const test = require('node:test');");
    await writeFile(join(project, 'sample/order.test.js'), lines.join('\n'));
    await writeFile(
      join(project, 'sample.config.json'),
      JSON.stringify({ rootDir: 'sample', transform: {} }),
    );
    const { code, output } = await said(require.resolve('jest/bin/jest'), [
      '--config=sample.config.json',
      '--no-watchman',
    ]);
    expect(output).toMatch(/^Tests: +1 passed, 1 total$/m);
    expect(code).toBe(0);
  });
});

describe('Jest, in CommonJS', () => {
  it('runs tests with fake timers and with mocks, and ends without open handles', async () => {
    await cp(fileURLToPath(new URL('jest', import.meta.url)), join(project, 'jest'), { recursive: true });
    const config = JSON.stringify({ testMatch: ['**/jest/*.test.js'], transform: {} });
    await writeFile(join(project, 'jest.config.json'), config);
    const { code, output } = await said(require.resolve('jest/bin/jest'), [
      '--config=jest.config.json',
      '--detectOpenHandles',
      '--no-watchman',
    ]);
    expect(output).toMatch(/^Tests: +(\d+) passed, \1 total$/m);
    expect(output).not.toMatch(/open handle|did not exit|Warning|after the Jest environment/i);
    expect(code).toBe(0);
  });
});
