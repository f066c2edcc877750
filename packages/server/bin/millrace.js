#!/usr/bin/env node
// Committed, so that npm links the command before the first build exists.
import { existsSync } from 'node:fs';

const built = new URL('../dist/cli.js', import.meta.url);
if (!existsSync(built)) {
  process.stderr.write('millrace: not built yet; run "npm run build" in the workspace first\n');
  process.exit(1);
}
await import(built.href);
