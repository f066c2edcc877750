import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { build } from 'rolldown';

// By the API and not the command, which lists every file it writes. No source map: the code is not
// minified, and a stack trace reads as it stands.

const commonJs = {
  format: 'cjs',
  exports: 'named',
  // `require` gives the class itself, as analytics-node does, and the forms that its users and
  // transpilers have come to expect beside it.
  footer:
    'module.exports = Analytics;\nmodule.exports.default = Analytics;\nmodule.exports.Analytics = Analytics;',
};

/** For runtimes that are not Node: `x.edge.ts` in place of `x.ts`. */
const edge = {
  name: 'edge',
  resolveId(source, importer) {
    if (!importer || !source.startsWith('.') || !source.endsWith('.ts')) return null;
    const twin = resolve(dirname(importer), source.replace(/\.ts$/, '.edge.ts'));
    return existsSync(twin) ? twin : null;
  },
};

/** For what works on the class: that of `index.cjs`, and no second one. */
const theClass = {
  name: 'the-class',
  resolveId: (source) => (source === '../index.ts' ? { id: './index.cjs', external: true } : null),
};

await build([
  { input: 'src/index.ts', platform: 'node', output: { ...commonJs, file: 'dist/index.cjs' } },
  {
    input: 'src/index.ts',
    platform: 'neutral',
    plugins: [edge],
    output: { ...commonJs, file: 'dist/edge.cjs' },
  },
  {
    // In its own right and not as a wrapper: such runtimes know no CommonJS. There is no state that two copies would split.
    input: 'src/index.ts',
    platform: 'neutral',
    plugins: [edge],
    output: { format: 'esm', file: 'dist/edge.mjs', footer: 'export default Analytics;' },
  },
  {
    input: 'src/testing/index.ts',
    platform: 'node',
    plugins: [theClass],
    output: { format: 'cjs', file: 'dist/testing.cjs' },
  },
  {
    input: 'src/opentelemetry.ts',
    platform: 'node',
    external: ['@opentelemetry/api'],
    output: { format: 'cjs', file: 'dist/opentelemetry.cjs' },
  },
]);
