import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startServer, type ScriptedServer } from './scripted-server.ts';

/** Where the lines of `debug` go, in a process of its own. */

let server: ScriptedServer;

beforeEach(async () => {
  server = await startServer();
});

afterEach(async () => {
  await server.close();
});

async function stderrOf(options: object, env: NodeJS.ProcessEnv): Promise<string> {
  const code = `
    const Analytics = require('@millrace/node');
    new Analytics('KEY', ${JSON.stringify({ host: server.host, ...options })}).track({ userId: 'u', event: 'a' });`;
  const cwd = fileURLToPath(new URL('.', import.meta.url));
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ['-e', code], {
    cwd,
    timeout: 20_000,
    env: { ...process.env, NODE_DEBUG: '', ...env },
  });
  expect(stdout).toBe('');
  return stderr;
}

describe('the lines of debug', () => {
  it('go to stderr when the option is true', async () => {
    expect(await stderrOf({ debug: true }, {})).toMatch(
      /^millrace: request of 1 event, attempt 1: 200 in \d+ ms\n$/,
    );
  });

  it('go there as well when NODE_DEBUG asks for them', async () => {
    expect(await stderrOf({}, { NODE_DEBUG: 'millrace' })).toMatch(
      /^MILLRACE \d+: request of 1 event, attempt 1: 200 in \d+ ms\n$/,
    );
  });

  it('go nowhere when the option is false, or nobody asks', async () => {
    expect(await stderrOf({ debug: false }, { NODE_DEBUG: 'millrace' })).toBe('');
    expect(await stderrOf({}, {})).toBe('');
  });
});
