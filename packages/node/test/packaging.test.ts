import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import type { Analytics } from '../src/analytics.ts';

const run = promisify(execFile);
const require = createRequire(import.meta.url);
const pathOf = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

if (!existsSync(pathOf('../dist/index.cjs'))) {
  throw new Error('packages/node/dist is missing: run `npm run build -w packages/node` first');
}

/** Not a file, since the workspace's own compiler settings do not allow this form. */
const REQUIRE_FIXTURE = `
  import Analytics = require('@millrace/node');
  const analytics: Analytics = new Analytics('KEY', { flushAt: 1 });
  const options: Analytics.Options = { host: 'https://example.com' };
  const same: typeof Analytics = Analytics.Analytics;
  analytics.track({ userId: 'u', event: 'e' });
  new same('KEY', options);
`;

/** What TypeScript says of our declarations and of programs that use them; not of the world's. */
function faultsOf(moduleOptions: ts.CompilerOptions, files: readonly string[]): string[] {
  const options: ts.CompilerOptions = {
    noEmit: true,
    strict: true,
    esModuleInterop: true,
    types: ['node'],
    target: ts.ScriptTarget.ES2022,
    ...moduleOptions,
  };
  const host = ts.createCompilerHost(options);
  host.readFile = (path) => (path.endsWith('/require.cts') ? REQUIRE_FIXTURE : ts.sys.readFile(path));
  host.fileExists = (path) => path.endsWith('/require.cts') || ts.sys.fileExists(path);
  const program = ts.createProgram(
    files.map((file) => pathOf(`types/${file}`)),
    options,
    host,
  );
  const ours = program.getSourceFiles().filter(({ fileName }) => fileName.startsWith(pathOf('..')));
  const faults = [
    ...program.getOptionsDiagnostics(),
    ...ours.flatMap((file) => [
      ...program.getSyntacticDiagnostics(file),
      ...program.getSemanticDiagnostics(file),
    ]),
  ];
  expect(ours.map(({ fileName }) => basename(fileName))).toContain('index.d.cts');
  return faults.map(({ file, messageText }) => {
    return `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
  });
}

describe('the built package', () => {
  it('is one class, however it is required or imported', async () => {
    // In a bare Node: vitest would load the files that it imports a second time.
    const { stdout } = await run(process.execPath, [pathOf('one-class.mjs')]);
    expect(JSON.parse(stdout)).toEqual({
      name: 'Analytics',
      flushAt: 20,
      requiredDefault: true,
      requiredNamed: true,
      importedDefault: true,
      importedNamed: true,
    });
  });

  it('needs nothing but Node', () => {
    const code = readFileSync(pathOf('../dist/index.cjs'), 'utf8');
    const required = [...code.matchAll(/\brequire\("([^"]+)"\)/g)].map(([, name]) => name);
    expect(required.length).toBeGreaterThan(0);
    expect(required.filter((name) => !name?.startsWith('node:'))).toEqual([]);
    const manifest = require('../package.json') as Record<string, unknown>;
    expect(Object.keys(manifest)).not.toContain('dependencies');
  });

  it('says the name and version of its manifest', () => {
    const manifest = require('../package.json') as { name: string; version: string };
    const Built = require('../dist/index.cjs') as typeof Analytics;
    const client = new Built('key', { exitDrainMs: 0 });
    client.flushed = true;
    client.track({ userId: 'u', event: 'e' });
    const { name, version } = manifest;
    expect(client.queue[0]?.message).toMatchObject({ context: { library: { name, version } } });
    client.queue = [];
  });

  it.each<[string, ts.CompilerOptions, string[]]>([
    [
      'node16',
      { moduleResolution: ts.ModuleResolutionKind.Node16, module: ts.ModuleKind.Node16 },
      ['require.cts', 'import.mts', 'typed-events.ts', 'testing.ts', 'as-segment-node.ts'],
    ],
    [
      'bundler',
      { moduleResolution: ts.ModuleResolutionKind.Bundler, module: ts.ModuleKind.ESNext },
      ['bundler.ts', 'import.mts', 'typed-events.ts', 'testing.ts', 'as-segment-node.ts'],
    ],
    [
      'node10',
      { moduleResolution: ts.ModuleResolutionKind.Node10, module: ts.ModuleKind.CommonJS },
      ['bundler.ts', 'typed-events.ts', 'testing.ts', 'as-segment-node.ts'],
    ],
  ])(
    'has types that hold under moduleResolution %s',
    (_, options, files) => {
      expect(faultsOf(options, files)).toEqual([]);
    },
    60_000,
  );

  it('declares the options and members that the code has', () => {
    const options = {
      moduleResolution: ts.ModuleResolutionKind.Bundler,
      module: ts.ModuleKind.ESNext,
      allowImportingTsExtensions: true,
      exactOptionalPropertyTypes: true,
      resolveJsonModule: true,
      // The code is read along, and is written for Node 20.
      target: ts.ScriptTarget.ES2023,
    };
    expect(faultsOf(options, ['declarations.ts'])).toEqual([]);
  }, 60_000);
});
