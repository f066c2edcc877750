import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startServer, type ScriptedServer } from './scripted-server.ts';

/** What survives the end of a process, as only processes can show. */

const LIBRARY = fileURLToPath(new URL('../dist/index.cjs', import.meta.url));
const GIVE_UP_MS = 40_000;
const WAIT = { timeout: GIVE_UP_MS, interval: 20 };
vi.setConfig({ testTimeout: GIVE_UP_MS + 5_000 });

let server: ScriptedServer;
let dir: string;
let children: ChildProcess[];
let mounts: string[];

beforeEach(async () => {
  server = await startServer();
  dir = mkdtempSync(path.join(os.tmpdir(), 'mr-sp-'));
  children = [];
  mounts = [];
});

afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  await server.close();
  for (const mount of mounts) execFileSync('umount', ['--lazy', mount]);
  rmSync(dir, { recursive: true, force: true });
});

interface Program {
  child: ChildProcess;
  stdout: () => string;
  /** Resolves once the program has printed the line. */
  printed: (line: string) => Promise<void>;
  ended: Promise<{ code: number | null; stdout: string; stderr: string }>;
}

/** A program in which `analytics` is a client with a spool; `errors` are the codes of what it reported. */
function program(body: string, options: object = {}, spool: object = {}): Program {
  const settings = { host: server.host, spool: { dir, ...spool }, ...options };
  const code = `
    const Analytics = require('@millrace/node');
    const errors = [];
    const errorHandler = (error) => errors.push(error.code);
    const settings = { ...${JSON.stringify(settings)}, errorHandler };
    const analytics = new Analytics('KEY', settings);
    const track = (event, callback) => analytics.track({ userId: 'u', event: String(event) }, callback);
    const inALoop = setInterval(() => {}, 1_000);
    ${body}`;
  const cwd = fileURLToPath(new URL('.', import.meta.url));
  const child = spawn(process.execPath, ['-e', code], { cwd, stdio: ['pipe', 'pipe', 'pipe'] });
  children.push(child);
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (text: Buffer) => {
    stdout += String(text);
  });
  child.stderr.on('data', (text: Buffer) => {
    stderr += String(text);
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), GIVE_UP_MS);
  const ended = once(child, 'close').then(() => {
    clearTimeout(timer);
    return { code: child.exitCode, stdout, stderr };
  });
  const printed = async (line: string): Promise<void> => {
    await vi.waitFor(() => expect(`${stdout}${stderr}`.split('\n')).toContain(line), WAIT);
  };
  return { child, stdout: () => stdout, printed, ended };
}

/** As a crash ends it: no handler runs. */
async function kill({ child, ended }: Program): Promise<void> {
  child.kill('SIGKILL');
  await ended;
}

async function serverGoesAway(): Promise<() => Promise<void>> {
  const port = Number(new URL(server.host).port);
  await server.close();
  return async () => {
    server = await startServer({ port });
  };
}

/** A later program of the same app, that tracks nothing and ends when there is nothing more to deliver. */
const later = (): Promise<{ code: number | null; stdout: string; stderr: string }> =>
  program(`clearInterval(inALoop);`).ended;

const received = (): string[] => server.requests.flatMap(({ body }) => body.batch.map(({ event }) => event!));
const messageIds = (): unknown[] =>
  server.requests.flatMap(({ body }) => body.batch.map(({ messageId }) => messageId));
const upTo = (count: number): string[] => Array.from({ length: count }, (_, at) => String(at));
const spoolFiles = (): string[] =>
  readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.spool'))
    .map((name) => path.join(dir, name));
const rejectedLines = (): { code: string; event: { event: string } }[] =>
  readdirSync(path.join(dir, 'rejected')).flatMap((name) =>
    readFileSync(path.join(dir, 'rejected', name), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { code: string; event: { event: string } }),
  );

describe('kill -9', () => {
  it('with the server away loses none of 1,000 events; a later process delivers each once', async () => {
    const comeBack = await serverGoesAway();
    const first = program(`
      for (let at = 0; at < 1000; at += 1) track(at);
      queueMicrotask(() => console.log('tracked'));`);
    await first.printed('tracked');
    await kill(first);
    await comeBack();
    expect(await later()).toMatchObject({ code: 0, stderr: '' });
    expect(received()).toEqual(upTo(1_000));
    expect(new Set(messageIds()).size).toBe(1_000);
    expect(readdirSync(dir)).toEqual([]);
  });

  it('loses at most the tick that runs', async () => {
    const comeBack = await serverGoesAway();
    const first = program(`
      let at = 0;
      const tick = () => {
        for (let count = 0; count < 10; count += 1) track(at++);
        process.stdout.write(at + '\\n');
        setImmediate(tick);
      };
      tick();`);
    await first.printed('500');
    await kill(first);
    const trackedCount = Number(first.stdout().trimEnd().split('\n').at(-1));
    await comeBack();
    await later();
    expect(received().length).toBeGreaterThanOrEqual(trackedCount - 10);
    expect(received()).toEqual(upTo(received().length));
  });

  it('in the middle of delivery sends again only what was not answered', async () => {
    const first = program(
      `
      const next = (at) => track(at, () => next(at + 1));
      next(0);`,
      { flushAt: 1 },
    );
    await vi.waitFor(() => expect(server.requests.length).toBeGreaterThan(20), WAIT);
    await kill(first);
    const before = received();
    await later();
    const again = received().slice(before.length);
    expect(again.length).toBeLessThanOrEqual(2);
    expect(new Set(received()).size).toBe(new Set(messageIds()).size);
  });

  it('of a process that had adopted, and of its adopter, still loses nothing', async () => {
    const comeBack = await serverGoesAway();
    for (const from of [0, 100, 200]) {
      const one = program(`
        for (let at = ${from}; at < ${from + 100}; at += 1) track(at);
        setTimeout(() => console.log('tracked'), 300);`);
      await one.printed('tracked');
      await kill(one);
    }
    await comeBack();
    await later();
    expect(received()).toEqual(upTo(300));
    expect(readdirSync(dir)).toEqual([]);
  });
});

describe('a process that ends by itself', () => {
  it('by process.exit() right after the call has written the tick', async () => {
    const comeBack = await serverGoesAway();
    const first = await program(`track('a'); process.exit(3);`).ended;
    expect(first).toMatchObject({ code: 3, stderr: '' });
    await comeBack();
    await later();
    expect(received()).toEqual(['a']);
  });

  it('by an uncaught exception in the same tick, too', async () => {
    const comeBack = await serverGoesAway();
    const first = await program(`track('a'); throw new Error('of the program');`).ended;
    expect(first).toMatchObject({ code: 1 });
    await comeBack();
    await later();
    expect(received()).toEqual(['a']);
  });

  it('is held for exitDrainMs and no longer, and leaves the rest', async () => {
    const comeBack = await serverGoesAway();
    const startedMs = performance.now();
    const first = await program(`clearInterval(inALoop); track('a'); track('b');`, { exitDrainMs: 500 })
      .ended;
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(performance.now() - startedMs).toBeLessThan(5_000);
    await comeBack();
    await later();
    expect(received()).toEqual(['a', 'b']);
  });

  it('leaves nothing behind when all was delivered', async () => {
    expect(await program(`clearInterval(inALoop); track('a');`).ended).toMatchObject({ code: 0, stderr: '' });
    expect(received()).toEqual(['a']);
    expect(readdirSync(dir)).toEqual([]);
  });

  it('after close leaves what could not be delivered to another client of the same process', async () => {
    server.script({ status: 401 });
    const { code, stdout } = await program(`
      track('a');
      analytics.closeAndFlush().then(() => {
        const second = new Analytics('KEY', settings);
        second.on('error', () => {});
        clearInterval(inALoop);
        console.log(errors.join());
      });`).ended;
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'SPOOL_KEPT\n' });
    expect(received()).toEqual(['a', 'a']);
    expect(new Set(messageIds()).size).toBe(1);
  });
});

describe('several processes and clients on one folder', () => {
  it('leave each other alone while they live', async () => {
    const comeBack = await serverGoesAway();
    const both = ['a', 'b'].map((name) =>
      program(`
        const second = new Analytics('KEY', settings);
        second.track({ userId: 'u', event: '${name}2' });
        track('${name}1');
        setTimeout(() => console.log('tracked'), 200);`),
    );
    for (const one of both) await one.printed('tracked');
    await comeBack();
    await vi.waitFor(() => expect(received().toSorted()).toEqual(['a1', 'a2', 'b1', 'b2']), WAIT);
    expect(new Set(messageIds()).size).toBe(4);
  });

  it('race for what a dead one left: each event is delivered once', async () => {
    const comeBack = await serverGoesAway();
    const first = program(`
      for (let at = 0; at < 1000; at += 1) track(at);
      queueMicrotask(() => console.log('tracked'));`);
    await first.printed('tracked');
    await kill(first);
    await comeBack();
    await Promise.all([later(), later(), later(), later()]);
    expect(received()).toHaveLength(1_000);
    expect(new Set(received()).size).toBe(1_000);
  });

  it('of a cluster hold leases of their own, that end with them', async () => {
    const comeBack = await serverGoesAway();
    const file = path.join(dir, 'cluster.cjs');
    const settings = JSON.stringify({ host: server.host, spool: { dir } });
    writeFileSync(
      file,
      `const cluster = require('node:cluster');
      if (cluster.isPrimary) {
        let ready = 0;
        const workers = [cluster.fork(), cluster.fork()];
        for (const worker of workers) worker.on('message', () => {
          ready += 1;
          if (ready < 2) return;
          workers[0].process.kill('SIGKILL');
          workers[0].on('exit', () => console.log('killed'));
        });
      } else {
        const Analytics = require(${JSON.stringify(LIBRARY)});
        const analytics = new Analytics('KEY', ${settings});
        analytics.track({ userId: 'u', event: 'of ' + cluster.worker.id });
        setTimeout(() => process.send('ready'), 100);
        setInterval(() => {}, 1_000);
      }`,
    );
    const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit'] });
    children.push(child);
    await once(child.stdout, 'data');
    await comeBack();
    // The primary lives, and so does the second worker: only the first one's is there to be taken.
    await later();
    expect(received()).toContain('of 1');
    await vi.waitFor(() => expect(received().toSorted()).toEqual(['of 1', 'of 2']), WAIT);
    expect(new Set(messageIds()).size).toBe(2);
  });

  it('by fork have a spool each', async () => {
    const comeBack = await serverGoesAway();
    const file = path.join(dir, 'fork.cjs');
    writeFileSync(
      file,
      `const { fork } = require('node:child_process');
      const isChild = process.argv[2] === 'child';
      const Analytics = require(${JSON.stringify(LIBRARY)});
      const analytics = new Analytics('KEY', ${JSON.stringify({ host: server.host, spool: { dir } })});
      analytics.track({ userId: 'u', event: isChild ? 'child' : 'parent' });
      if (isChild) setTimeout(() => process.kill(process.pid, 'SIGKILL'), 100);
      else fork(__filename, ['child']).on('exit', () => console.log('killed'));
      setInterval(() => {}, 1_000);`,
    );
    const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit'] });
    children.push(child);
    await once(child.stdout, 'data');
    await comeBack();
    await later();
    await vi.waitFor(() => expect(received().toSorted()).toEqual(['child', 'parent']), WAIT);
    expect(new Set(messageIds()).size).toBe(2);
  });

  it('of another write key or address do not take each others events', async () => {
    const comeBack = await serverGoesAway();
    await program(`track('a'); process.exit();`).ended;
    await comeBack();
    await program(`clearInterval(inALoop);`, { path: '/v1/import' }).ended;
    expect(received()).toEqual([]);
    await later();
    expect(received()).toEqual(['a']);
  });
});

describe('what the server refuses', () => {
  it('because of the write key stays, is reported, and is delivered once the key is taken', async () => {
    server.script({ status: 401 }, { status: 403 });
    const { stdout } = await program(
      `
      track('a', (error) => console.log('a', error.code, error.cause.code));
      track('b', (error) => console.log('b', error?.code));
      analytics.flush().then(() => console.log('flushed', errors.join()));
      const timer = setInterval(() => {
        if (errors.length < 2) return;
        track('c', (error) => { console.log('c', error?.code); process.exit(); });
        clearInterval(timer);
      }, 20);`,
      { flushAt: 1 },
    ).ended;
    expect(stdout.split('\n').filter((line) => line.startsWith('a '))).toEqual(['a SPOOL_KEPT HTTP_401']);
    expect(stdout).toContain('b SPOOL_KEPT');
    expect(stdout).toContain('flushed SPOOL_KEPT');
    expect(stdout).toContain('c undefined');
    expect(new Set(received())).toEqual(new Set(['a', 'b', 'c']));
    expect(readdirSync(dir)).toEqual([]);
  });

  it('for good is moved to where people can read it, and reported', async () => {
    server.script({ status: 400 });
    const { stdout } = await program(
      `
      track('a', (error) => console.log(error.code));
      analytics.flush().then(() => track('b', () => process.exit()));`,
      { flushAt: 1 },
    ).ended;
    expect(stdout).toBe('HTTP_400\n');
    expect(rejectedLines()).toEqual([
      expect.objectContaining({ code: 'HTTP_400', event: expect.objectContaining({ event: 'a' }) as object }),
    ]);
    expect(received()).toEqual(['a', 'b']);
    await later();
    expect(received()).toEqual(['a', 'b']);
    expect(readdirSync(dir)).toEqual(['rejected']);
  });
});

describe('a spool that was damaged', () => {
  it('at its end loses the torn event, and says so', async () => {
    const comeBack = await serverGoesAway();
    await program(`for (let at = 0; at < 10; at += 1) track(at); process.exit();`).ended;
    const [file] = spoolFiles();
    truncateSync(file!, statSync(file!).size - 10);
    await comeBack();
    const second = await program(`
      const timer = setInterval(() => {
        if (errors.length === 0) return;
        console.log(errors.join());
        clearInterval(timer);
        clearInterval(inALoop);
      }, 20);`).ended;
    expect(second).toMatchObject({ code: 0, stderr: '', stdout: 'SPOOL_DAMAGED\n' });
    expect(received()).toEqual(upTo(9));
  });
});

describe('an outage', () => {
  it('fills the disk and not memory, and then everything arrives', async () => {
    const comeBack = await serverGoesAway();
    const first = program(
      `
      const properties = { text: 'x'.repeat(400) };
      let at = 0;
      const sample = () => Math.round(process.memoryUsage().rss / 1e6);
      const tick = () => {
        for (let count = 0; count < 1000; count += 1) {
          analytics.track({ userId: 'u', event: String(at++), properties });
        }
        if (at === 50_000) console.log('early', sample());
        if (at < 200_000) return setImmediate(tick);
        console.log('late', sample());
        console.log('tracked');
        process.stdin.once('data', () => analytics.flush().then((data) => {
          console.log('flushed', data.batch.length);
          process.exit();
        }));
      };
      tick();`,
      { retryDeadlineMs: 3_600_000 },
    );
    await first.printed('tracked');
    const samples = Object.fromEntries(
      first
        .stdout()
        .split('\n')
        .map((line) => line.split(' ')),
    ) as Record<string, string>;
    const grownMb = Number(samples['late']) - Number(samples['early']);
    expect(statSync(spoolFiles()[0]!).size).toBeGreaterThan(500_000);
    // 150,000 events of 700 bytes lie between the two.
    expect(grownMb).toBeLessThan(60);
    await comeBack();
    first.child.stdin!.write('\n');
    expect(await first.ended).toMatchObject({ code: 0, stderr: '' });
    expect(received()).toHaveLength(200_000);
    expect(received().slice(0, 3)).toEqual(['0', '1', '2']);
    expect(new Set(received()).size).toBe(200_000);
    expect(readdirSync(dir)).toEqual([]);
  });

  it.each(['drop-newest', 'drop-oldest'])('longer than maxBytes: %s, with a code', async (overflow) => {
    const comeBack = await serverGoesAway();
    const { stdout } = await program(
      `
      const properties = { text: 'x'.repeat(10_000) };
      const dropped = [];
      for (let at = 0; at < 400; at += 1) {
        analytics.track({ userId: 'u', event: String(at), properties }, (error) => {
          if (error?.code === 'SPOOL_FULL') dropped.push(at);
        });
      }
      setTimeout(() => { console.log(JSON.stringify(dropped)); process.exit(); }, 300);`,
      { overflow },
      { maxBytes: 1024 * 1024 },
    ).ended;
    const dropped = JSON.parse(stdout) as number[];
    expect(dropped.length).toBeGreaterThan(250);
    expect(dropped.includes(399)).toBe(overflow === 'drop-newest');
    await comeBack();
    await later();
    expect(received()).toEqual(upTo(400).filter((at) => !dropped.includes(Number(at))));
  });
});

/** Says why, where a test cannot run: it needs a file system of its own, which only root may mount. */
function mounted(context: { skip: (why: string) => void }, ...options: string[]): void {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', ['size=256k', ...options].join(), 'tmpfs', dir], {
      stdio: 'pipe',
    });
    mounts.push(dir);
  } catch (error) {
    context.skip(`no file system can be mounted here: ${(error as Error).message.trim()}`);
  }
}

describe('a disk that fails', () => {
  it('because it is full is reported, events go on from memory, and the rest is written when there is room', async (context) => {
    mounted(context);
    const comeBack = await serverGoesAway();
    const filler = path.join(dir, 'filler');
    writeFileSync(filler, Buffer.alloc(150 * 1024));
    const first = program(`
      const properties = { text: 'x'.repeat(1_000) };
      for (let at = 0; at < 150; at += 1) analytics.track({ userId: 'u', event: String(at), properties });
      const timer = setInterval(() => {
        if (errors.length === 0) return;
        console.log(errors.join());
        clearInterval(timer);
      }, 20);`);
    await first.printed('SPOOL_UNAVAILABLE');
    rmSync(filler);
    // Header, and 150 records of at least 1,000 bytes.
    await vi.waitFor(() => expect(statSync(spoolFiles()[0]!).size).toBeGreaterThan(150_000), WAIT);
    await kill(first);
    await comeBack();
    await later();
    expect(received()).toEqual(upTo(150));
  });

  it('because it is read-only is reported, and events are delivered from memory', async (context) => {
    mounted(context, 'ro');
    const { code, stdout } = await program(`
      clearInterval(inALoop);
      track('a');
      track('b', () => console.log(errors.join()));`).ended;
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'SPOOL_UNAVAILABLE\n' });
    expect(received()).toEqual(['a', 'b']);
  });
});
