import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { startServer, type ScriptedServer } from './scripted-server.ts';

/** What `exitHook` does to a process that is asked to end. */

/** Longer than any program here takes: what holds a process wrongly is then killed, and fails its test. */
const GIVE_UP_MS = 20_000;
vi.setConfig({ testTimeout: GIVE_UP_MS + 5_000 });

let server: ScriptedServer;

beforeEach(async () => {
  server = await startServer();
});

afterEach(async () => {
  await server.close();
});

interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** Runs a program that would go on for ever, and signals it each time that it says `ready`. */
async function signalled(options: object, body: string, ...signals: NodeJS.Signals[]): Promise<Ended> {
  const code = `
    const Analytics = require('@millrace/node');
    const analytics = new Analytics('KEY', ${JSON.stringify({ host: server.host, flushInterval: 600_000, ...options })});
    analytics.flushed = true;
    setInterval(() => {}, 600_000);
    ${body}`;
  const child = spawn(process.execPath, ['-e', code], {
    cwd: fileURLToPath(new URL('.', import.meta.url)),
    timeout: GIVE_UP_MS,
    killSignal: 'SIGKILL',
  });
  let stdout = '';
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
    if (chunk.toString().includes('ready')) child.kill(signals.shift());
  });
  const [exitCode, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return { code: exitCode, signal, stdout, stderr };
}

const TRACK_AND_SAY_SO = `analytics.track({ userId: 'u', event: 'a' }); console.log('ready');`;
const events = (): unknown[] => server.requests.flatMap(({ body }) => body.batch.map(({ event }) => event));

/** A host that takes connections and never answers. */
async function silentHost(): Promise<string> {
  const silent = createServer().listen(0, '127.0.0.1');
  await once(silent, 'listening');
  onTestFinished(() => void silent.close());
  return `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
}

describe('a program with an exitHook', () => {
  it.each<NodeJS.Signals>(['SIGTERM', 'SIGINT', 'SIGHUP'])(
    'has what it tracked delivered, and then ends by %s as if nobody had listened',
    async (name) => {
      const ended = await signalled({ exitHook: true }, TRACK_AND_SAY_SO, name);
      expect(ended).toMatchObject({ signal: name, stderr: '' });
      expect(events()).toEqual(['a']);
    },
  );

  it('has those signals that it names, and no others', async () => {
    const ended = await signalled({ exitHook: ['SIGUSR2'] }, TRACK_AND_SAY_SO, 'SIGUSR2');
    expect(ended.signal).toBe('SIGUSR2');
    expect(events()).toEqual(['a']);
    const other = await signalled({ exitHook: ['SIGUSR2'] }, TRACK_AND_SAY_SO, 'SIGTERM');
    expect(other.signal).toBe('SIGTERM');
    expect(events()).toEqual(['a']);
  });

  it('is held for exitDrainMs by a server that never answers, and no longer', async () => {
    const options = { exitHook: true, exitDrainMs: 300, host: await silentHost(), timeout: 600_000 };
    expect(await signalled(options, TRACK_AND_SAY_SO, 'SIGTERM')).toMatchObject({ signal: 'SIGTERM' });
  });

  it('is ended at once by a second signal', async () => {
    const options = { exitHook: true, exitDrainMs: 600_000, host: await silentHost(), timeout: 600_000 };
    const body = `
      const { flush } = analytics;
      analytics.flush = (how) => { setImmediate(() => console.log('ready again')); return flush.call(analytics, how); };
      ${TRACK_AND_SAY_SO}`;
    expect(await signalled(options, body, 'SIGINT', 'SIGINT')).toMatchObject({ signal: 'SIGINT' });
  });

  it('decides itself how to end when it listens too, even if only once', async () => {
    const body = `
      process.once('SIGTERM', async () => {
        await analytics.flush();
        setTimeout(() => { console.log('cleaned up'); process.exit(7); }, 200);
      });
      ${TRACK_AND_SAY_SO}`;
    const ended = await signalled({ exitHook: true }, body, 'SIGTERM');
    expect(ended).toMatchObject({ code: 7, signal: null, stdout: 'ready\ncleaned up\n' });
    expect(events()).toEqual(['a']);
  });

  it('has all of its clients flushed, by one listener a signal', async () => {
    const body = `
      for (let count = 0; count < 20; count += 1) {
        const other = new Analytics('KEY', { host: analytics.host, flushInterval: 600_000, exitHook: true });
        other.flushed = true;
        other.track({ userId: 'u', event: 'e' + count });
      }
      console.log(process.listenerCount('SIGTERM'));
      ${TRACK_AND_SAY_SO}`;
    const ended = await signalled({ exitHook: true }, body, 'SIGTERM');
    expect(ended).toMatchObject({ signal: 'SIGTERM', stderr: '', stdout: '1\nready\n' });
    expect(events()).toHaveLength(21);
  });

  it('has its signals back once its clients are closed', async () => {
    const body = `
      analytics.track({ userId: 'u', event: 'a' });
      analytics.closeAndFlush().then(() => console.log(process.listenerCount('SIGTERM') + ' ready'));`;
    const ended = await signalled({ exitHook: true }, body, 'SIGTERM');
    expect(ended).toMatchObject({ signal: 'SIGTERM', stdout: '0 ready\n' });
  });

  it('ends as by the signal though flush was replaced and throws', async () => {
    const body = `analytics.flush = () => { throw new Error('of the program'); }; ${TRACK_AND_SAY_SO}`;
    expect(await signalled({ exitHook: true }, body, 'SIGTERM')).toMatchObject({
      signal: 'SIGTERM',
      stderr: '',
    });
  });
});

describe('a program without one', () => {
  it('has its signals to itself', async () => {
    const body = `console.log(process.listenerCount('SIGTERM')); ${TRACK_AND_SAY_SO}`;
    const ended = await signalled({}, body, 'SIGTERM');
    expect(ended).toMatchObject({ signal: 'SIGTERM', stdout: '0\nready\n' });
    expect(events()).toEqual([]);
  });
});
