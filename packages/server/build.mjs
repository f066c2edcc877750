import { cp, rm } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { build } from 'rolldown';
import { dts } from 'rolldown-plugin-dts';

const manifest = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'));
const dependencies = [...Object.keys(manifest.dependencies), ...Object.keys(manifest.optionalDependencies)];

/** Everything that users install besides stays outside the bundle; the private spec goes in. */
const external = [/^node:/, ...dependencies.map((name) => new RegExp(`^${name}(/|$)`))];

/** Emitting types takes seconds, and is known to. */
const checks = { pluginTimings: false };

await rm('dist', { recursive: true, force: true });
// By the API and not the command, which lists every chunk it writes.
await build([
  {
    input: { cli: 'src/cli/main.ts', router: 'src/router/main.ts', index: 'src/index.ts' },
    platform: 'node',
    external,
    checks,
    // No source maps: the code is not minified, and a stack trace reads as it stands.
    output: { dir: 'dist', format: 'esm', chunkFileNames: 'chunks/[name]-[hash].js' },
  },
  {
    input: { index: 'src/index.ts' },
    platform: 'node',
    external,
    checks,
    plugins: [dts({ emitDtsOnly: true, eager: true, tsconfig: '../../tsconfig.json' })],
    output: { dir: 'dist', format: 'esm' },
  },
]);
await cp('../console/dist', 'dist/console', { recursive: true });
