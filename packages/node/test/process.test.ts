import { execFile } from 'node:child_process';
import { createServer, type Server } from 'node:net';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startServer, type ScriptedServer } from './scripted-server.ts';

/** What the library does to the process that it is in: claims that only a process of its own can show. */

/** Longer than any program here takes, shorter than what would hold it wrongly: its exit code is then null. */
const GIVE_UP_MS = 20_000;
const NEVER_MS = 600_000;
vi.setConfig({ testTimeout: GIVE_UP_MS + 5_000 });

let server: ScriptedServer;
/** Takes connections and never answers. */
let silent: Server;
let silentHost: string;

beforeEach(async () => {
  server = await startServer();
  silent = createServer();
  await new Promise<void>((resolve) => {
    silent.listen(0, '127.0.0.1', resolve);
  });
  silentHost = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
});

afterEach(async () => {
  await server.close();
  silent.close();
});

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a program in which `analytics` is a client of `host`, until it ends by itself. */
function program(host: string, options: object, body: string): Promise<Ended> {
  const code = `
    const Analytics = require('@millrace/node');
    const analytics = new Analytics('KEY', ${JSON.stringify({ host, ...options })});
    const track = (event, callback) => analytics.track({ userId: 'u', event }, callback);
    ${body}`;
  const cwd = fileURLToPath(new URL('.', import.meta.url));
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      ['-e', code],
      { cwd, timeout: GIVE_UP_MS },
      (_, stdout, stderr) => {
        resolve({ code: child.exitCode, stdout, stderr });
      },
    );
  });
}

const events = (): unknown[] => server.requests.flatMap(({ body }) => body.batch.map(({ event }) => event));

describe('a program that just ends', () => {
  it('has what it tracked delivered, and is not held for the flush timer', async () => {
    const ended = await program(
      server.host,
      { flushInterval: NEVER_MS },
      `for (const event of ['a', 'b', 'c']) track(event);`,
    );
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(events()).toEqual(['a', 'b', 'c']);
  });

  it('has all of its clients drained, by one listener', async () => {
    const ended = await program(
      server.host,
      {},
      `
      for (let count = 0; count < 20; count += 1) {
        new Analytics('KEY', { host: analytics.host }).track({ userId: 'u', event: 'e' + count });
      }
      console.log(process.listenerCount('beforeExit'));`,
    );
    expect(ended).toMatchObject({ code: 0, stderr: '', stdout: '1\n' });
    expect(events()).toHaveLength(20);
  });

  it('is held for exitDrainMs by a server that never answers, and no longer', async () => {
    const ended = await program(
      silentHost,
      { exitDrainMs: 300, timeout: NEVER_MS },
      `track('a'); track('b');`,
    );
    expect(ended).toMatchObject({ code: 0, stderr: '' });
  });

  it('is told of what is left when that time is over', async () => {
    const ended = await program(
      silentHost,
      { exitDrainMs: 300, timeout: NEVER_MS },
      `
      analytics.errorHandler = ({ code, remainingCount }) => console.log(code, remainingCount);
      track('a'); track('b');`,
    );
    expect(ended).toMatchObject({ code: 0, stderr: '', stdout: 'FLUSH_TIMEOUT 2\n' });
  });

  it('is not held at all with an exitDrainMs of 0', async () => {
    const ended = await program(silentHost, { exitDrainMs: 0, timeout: NEVER_MS }, `track('a');`);
    expect(ended).toMatchObject({ code: 0, stderr: '' });
  });

  it('is held within one budget though its callbacks track more', async () => {
    server.script(...Array.from({ length: 10_000 }, () => ({ status: 400 })));
    const ended = await program(
      server.host,
      { exitDrainMs: 300 },
      `
      const again = () => track('again', again);
      again();`,
    );
    expect(ended).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('a program that awaits the callback of each event', () => {
  it('is not ended between them, however long that takes in all', async () => {
    const ended = await program(
      server.host,
      { exitDrainMs: 300, flushAt: 1 },
      `
      (async () => {
        const until = Date.now() + 1_000;
        while (Date.now() < until) {
          await new Promise((resolve) => setTimeout(resolve, 20));
          await new Promise((resolve) => track('a', resolve));
        }
        console.log('done');
      })();`,
    );
    expect(ended).toMatchObject({ code: 0, stderr: '', stdout: 'done\n' });
  });
});

describe('a flush that is awaited', () => {
  it('holds the process until it is over', async () => {
    server.script({ status: 503 }, { status: 503 });
    const ended = await program(
      server.host,
      { exitDrainMs: 0 },
      `
      track('a');
      analytics.flush().then((data) => console.log(data.batch[0].event));`,
    );
    expect(ended).toMatchObject({ code: 0, stderr: '', stdout: 'a\n' });
    expect(events()).toEqual(['a', 'a', 'a']);
  });

  it('holds it no longer than its time-out', async () => {
    const ended = await program(
      silentHost,
      { timeout: NEVER_MS },
      `
      track('a');
      analytics.closeAndFlush({ timeout: 200 }).catch((error) => console.log(error.code, error.remainingCount));`,
    );
    expect(ended).toMatchObject({ code: 0, stderr: '', stdout: 'FLUSH_TIMEOUT 1\n' });
  });
});

describe('a failure', () => {
  it('in the background is no unhandled rejection', async () => {
    server.script({ status: 400 }, { status: 400 });
    const ended = await program(
      server.host,
      { flushAt: 1 },
      `
      track('a', (error) => console.log(error.message));
      track('b');
      void analytics.flush();`,
    );
    expect(ended).toMatchObject({ code: 0, stderr: '', stdout: 'Bad Request\n' });
  });

  it('is seen by whoever awaits the flush', async () => {
    server.script({ status: 400 });
    const ended = await program(server.host, {}, `track('a'); (async () => { await analytics.flush(); })();`);
    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(/Bad Request/);
  });

  it('of a callback does not stop the others, and surfaces afterwards', async () => {
    const ended = await program(
      server.host,
      {},
      `
      analytics.flushed = true;
      process.on('uncaughtException', (error) => console.log('uncaught', error.message));
      track('a', () => { throw new Error('of the program'); });
      track('b', () => console.log('b'));
      analytics.flush().then(() => console.log('flushed'));`,
    );
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(ended.stdout.split('\n').toSorted()).toEqual(['', 'b', 'flushed', 'uncaught of the program']);
  });
});
