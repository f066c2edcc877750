import { build } from 'rolldown';

// By the API and not the command, which lists every file it writes. No source map: the code is not
// minified, and a stack trace reads as it stands.
await build({
  input: 'src/index.ts',
  platform: 'node',
  output: {
    file: 'dist/index.cjs',
    format: 'cjs',
    exports: 'named',
    // `require` gives the class itself, as analytics-node does, and the forms that its users and
    // transpilers have come to expect beside it.
    footer:
      'module.exports = Analytics;\nmodule.exports.default = Analytics;\nmodule.exports.Analytics = Analytics;',
  },
});
