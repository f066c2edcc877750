import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createContext, runInContext } from 'node:vm';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Analytics } from '../src/analytics.ts';
import { startServer, type ScriptedServer } from './scripted-server.ts';

const CODE = readFileSync(new URL('../dist/index.cjs', import.meta.url), 'utf8');

let server: ScriptedServer;
beforeEach(async () => {
  server = await startServer();
});
afterEach(() => server.close());

/** As jest-environment-jsdom 29 has it: modules of Node can be required, but of its globals only these are there. */
function loadWithFewGlobals(): typeof Analytics {
  const module = { exports: {} };
  const {
    Buffer,
    URL,
    Uint8Array,
    ArrayBuffer,
    AbortController,
    clearTimeout,
    performance,
    process,
    setTimeout,
  } = globalThis;
  const globals = {
    Buffer,
    URL,
    Uint8Array,
    ArrayBuffer,
    AbortController,
    clearTimeout,
    performance,
    process,
    setTimeout,
  };
  const context = createContext({
    ...globals,
    module,
    exports: module.exports,
    require: createRequire(import.meta.url),
  });
  runInContext(CODE, context);
  return module.exports as typeof Analytics;
}

it('delivers where a test environment hides most globals of Node', async () => {
  const analytics = new (loadWithFewGlobals())('KEY', { host: server.host, exitDrainMs: 0 });
  analytics.track({ userId: 'u', event: 'e', properties: { text: '水' } });
  await analytics.closeAndFlush();
  expect(server.requests).toMatchObject([{ body: { batch: [{ event: 'e', properties: { text: '水' } }] } }]);
});
