import { execFile } from 'node:child_process';
import { mkdir, readdir, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi, type TestContext } from 'vitest';
import { startMillrace, type Millrace } from './harness/millrace.ts';
import { createProject, type Project } from './harness/project.ts';
import { startReceiver, type Receiver } from './harness/receiver.ts';

const SEGMENT_BYTES = 16 * 1024;
const MAX_BYTES = 4 * SEGMENT_BYTES;
const WAIT = { timeout: 20_000, interval: 50 };

let project: Project;
let receiver: Receiver;
let server: Millrace;
let undo: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  project = await createProject();
  receiver = await startReceiver();
});

afterEach(async () => {
  await server.stop();
  await receiver.close();
  for (const step of undo.toReversed()) await step();
  undo = [];
  await project.remove();
});

async function start(log: object, { enabled = true, args = [] as string[] } = {}): Promise<void> {
  const settings = JSON.stringify({
    segmentMaxBytes: SEGMENT_BYTES,
    maxBytes: MAX_BYTES,
    minFreeDiskBytes: 0,
    ...log,
  });
  await project.writeConfig(`import { defineConfig, webhook } from 'millrace';

export default defineConfig({
  sources: [{ id: 'shop', name: 'Shop', writeKey: 'shop-key' }],
  destinations: [{ ...webhook({ id: 'hook', url: '${receiver.url}' }), enabled: ${enabled} }],
  log: ${settings},
});
`);
  server = await startMillrace({ mode: 'start', dir: project.dir, args });
}

async function restart(log: object, options: Parameters<typeof start>[1] = {}): Promise<void> {
  await server.exit;
  await start(log, options);
}

/** One batch of about 4 KB; returns the ids where it was accepted. */
async function post(
  name: string,
): Promise<{ status: number; retryAfter: string | null; code?: string; ids: string[] }> {
  const ids = Array.from({ length: 4 }, (_, i) => `${name}-${i}`);
  const batch = ids.map((messageId) => ({
    type: 'track',
    userId: messageId,
    event: 'Load',
    messageId,
    properties: { filler: 'x'.repeat(900) },
  }));
  const response = await fetch(`${server.trackingUrl}/v1/batch`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ writeKey: 'shop-key', batch }),
  });
  const { code } = (await response.json()) as { code?: string };
  const retryAfter = response.headers.get('retry-after');
  return { status: response.status, retryAfter, ids, ...(code !== undefined && { code }) };
}

/** Posts until it is refused, or `count` times. Returns the ids that were accepted, and the refusal. */
async function postMany(name: string, count: number) {
  const accepted: string[] = [];
  for (let n = 0; n < count; n += 1) {
    const reply = await post(`${name}-${n}`);
    if (reply.status !== 200) return { accepted, refusal: reply };
    accepted.push(...reply.ids);
  }
  return { accepted, refusal: undefined };
}

interface Status {
  log: { bytes: number; starts: Record<string, number>; refusing?: string };
  destinations: {
    deliveredCount: number;
    pendingCount: number;
    dead: Record<string, number>;
    lagCount: number;
  }[];
}

async function status(): Promise<Status> {
  return (await (await fetch(`${server.consoleUrl}/api/status`)).json()) as Status;
}

async function logBytes(dir = join(project.dir, '.millrace')): Promise<number> {
  const names = await readdir(join(dir, 'log'));
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(dir, 'log', name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

const deliveredIds = (): unknown[] => receiver.events().map((event) => event['messageId']);

async function allArrived(ids: readonly string[]): Promise<void> {
  await vi.waitFor(() => expect(new Set(deliveredIds())).toEqual(new Set(ids)), WAIT);
}

async function firstReceived(stream: Response) {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of stream.body!) {
    text += decoder.decode(chunk as Uint8Array, { stream: true });
    const data = /event: received\ndata: (.*)\n\n/.exec(text)?.[1];
    if (data) return JSON.parse(data) as { skippedCount: number; events: { position: number }[] };
  }
  throw new Error('the stream has ended');
}

describe('a log that has reached its size', () => {
  it('gives up what every destination has had, and goes on', async () => {
    await start({});
    const accepted: string[] = [];
    for (let n = 0; n < 60; n += 1) {
      // As an SDK does: such a small log is full before a second is over, which is as often as a need is told.
      const taken = await vi.waitFor(async () => {
        const reply = await post(`a-${n}`);
        expect(reply.status).toBe(200);
        return reply;
      }, WAIT);
      accepted.push(...taken.ids);
    }
    await allArrived(accepted);
    await vi.waitFor(
      async () => expect(await logBytes()).toBeLessThanOrEqual(MAX_BYTES + SEGMENT_BYTES),
      WAIT,
    );
    expect((await status()).log.starts['0']).toBeGreaterThan(0);
    expect((await status()).destinations[0]?.dead).toEqual({});
    const events = (await (await fetch(`${server.consoleUrl}/api/events?limit=1000`)).json()) as {
      events: unknown[];
    };
    expect(events.events.length).toBeGreaterThan(0);
    // A watcher that comes back to where there is nothing any more.
    const stream = await fetch(`${server.consoleUrl}/api/stream?after=0:0/1:0`);
    const first = await firstReceived(stream);
    expect(first.skippedCount).toBe((await status()).log.starts['0']);
    expect(first.events[0]?.position).toBe(first.skippedCount);
  });

  it('refuses while a destination that is down needs it, heals when that is back, and loses nothing to kill -9', async () => {
    receiver.answer('never');
    await start({});
    const first = await postMany('a', 100);
    expect(first.refusal).toMatchObject({ status: 503, retryAfter: '30', code: 'disk_full' });
    expect((await status()).log).toMatchObject({ starts: { 0: 0 }, refusing: 'maxBytes' });
    expect(await logBytes()).toBeGreaterThan(MAX_BYTES);

    server.kill('SIGKILL');
    await restart({});
    await vi.waitFor(async () => expect(await post('b')).toMatchObject({ status: 503 }), WAIT);
    expect((await status()).log.starts).toEqual({ 0: 0 });

    receiver.release();
    const late = await vi.waitFor(async () => {
      const reply = await post('c');
      expect(reply.status).toBe(200);
      return reply.ids;
    }, WAIT);
    await vi.waitFor(
      () => expect(deliveredIds()).toEqual(expect.arrayContaining([...first.accepted, ...late])),
      WAIT,
    );
    expect((await status()).destinations[0]?.dead).toEqual({});
    await vi.waitFor(async () => expect((await status()).log).not.toHaveProperty('refusing'), WAIT);
  });

  it('drops the oldest where told, counts each, and brings none of them back after kill -9', async () => {
    receiver.answer(503);
    await start({ onFull: 'drop-oldest' });
    const { accepted } = await postMany('a', 40);
    await vi.waitFor(async () => expect((await status()).log.starts['0']).toBeGreaterThan(0), WAIT);
    server.kill('SIGKILL');
    await restart({ onFull: 'drop-oldest' });
    receiver.answer(200);
    await vi.waitFor(async () => {
      const [hook] = (await status()).destinations;
      expect(hook).toMatchObject({ pendingCount: 0, lagCount: 0 });
      const lostCount = hook?.dead['EXPIRED_BEFORE_DELIVERY'] ?? 0;
      expect(lostCount).toBeGreaterThan(0);
      expect(lostCount + (hook?.deliveredCount ?? 0)).toBe(accepted.length);
    }, WAIT);
    const [hook] = (await status()).destinations;
    // None that was lost came all the same.
    const lostCount = hook?.dead['EXPIRED_BEFORE_DELIVERY'] ?? 0;
    expect(new Set(deliveredIds()).size).toBe(accepted.length - lostCount);
    expect(server.stderr()).not.toContain('the log is damaged');
  });

  it('drops no more than it counts while the router is killed over and over', async () => {
    receiver.answer(503);
    await start({ onFull: 'drop-oldest' });
    const accepted: string[] = [];
    for (let n = 0; n < 60; n += 1) {
      if (n % 15 === 14) process.kill(await vi.waitFor(() => server.routerPid(), WAIT), 'SIGKILL');
      // While no router runs nobody can say what would be lost: 503 at the bound.
      const taken = await vi.waitFor(async () => {
        const reply = await post(`a-${n}`);
        expect(reply.status).toBe(200);
        return reply;
      }, WAIT);
      accepted.push(...taken.ids);
    }
    receiver.answer(200);
    await vi.waitFor(async () => {
      const [hook] = (await status()).destinations;
      expect(hook).toMatchObject({ pendingCount: 0, lagCount: 0 });
      const lostCount = hook?.dead['EXPIRED_BEFORE_DELIVERY'] ?? 0;
      expect(lostCount).toBeGreaterThan(0);
      expect(lostCount + (hook?.deliveredCount ?? 0)).toBe(accepted.length);
    }, WAIT);
    const lostCount = (await status()).destinations[0]?.dead['EXPIRED_BEFORE_DELIVERY'] ?? 0;
    // None that was lost came all the same.
    expect(new Set(deliveredIds()).size).toBe(accepted.length - lostCount);
  });

  it('does not wait for a destination that is disabled, which loses what is gone when it is enabled again', async () => {
    receiver.answer('never');
    await start({});
    const before = await post('before');
    await vi.waitFor(() => expect(receiver.requests.length).toBeGreaterThan(0), WAIT);
    server.kill('SIGKILL');
    receiver.answer(200);
    await restart({}, { enabled: false });
    const { accepted, refusal } = await postMany('a', 60);
    expect(refusal).toBeUndefined();
    await vi.waitFor(async () => expect((await status()).log.starts['0']).toBeGreaterThan(0), WAIT);
    await server.stop();
    await restart({});
    const all = [...before.ids, ...accepted];
    await vi.waitFor(async () => {
      const [hook] = (await status()).destinations;
      expect(hook).toMatchObject({ pendingCount: 0, lagCount: 0 });
      expect((hook?.dead['EXPIRED_BEFORE_DELIVERY'] ?? 0) + (hook?.deliveredCount ?? 0)).toBe(all.length);
    }, WAIT);
    const lostCount = (await status()).destinations[0]?.dead['EXPIRED_BEFORE_DELIVERY'] ?? 0;
    expect(lostCount).toBeGreaterThan(0);
    expect(new Set(deliveredIds())).toEqual(new Set(all.slice(lostCount)));
  });
});

/** Fills the disk until the server refuses, makes room, and waits until all that was accepted has arrived. */
async function refusedAndHealed(dir: string, leftBytes: number): Promise<void> {
  const before = await post('before');
  expect(before.status).toBe(200);
  const filler = join(dir, 'filler');
  const { bavail, bsize } = await statfs(dir);
  // What the router writes meanwhile may leave less than was free.
  await writeFile(filler, Buffer.alloc(Math.max(0, bavail * bsize - leftBytes))).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOSPC') throw error;
    },
  );
  const accepted: string[] = [...before.ids];
  await vi.waitFor(async () => {
    const reply = await post(`full-${accepted.length}`);
    if (reply.status === 200) accepted.push(...reply.ids);
    expect(reply).toMatchObject({ status: 503, code: 'disk_full', retryAfter: '30' });
  }, WAIT);
  await rm(filler);
  const after = await vi.waitFor(async () => {
    const reply = await post('after');
    expect(reply.status).toBe(200);
    return reply.ids;
  }, WAIT);
  await vi.waitFor(
    () => expect(deliveredIds()).toEqual(expect.arrayContaining([...accepted, ...after])),
    WAIT,
  );
}

describe('a disk that is full', () => {
  const run = promisify(execFile);

  /** A file system of its own; skips where it cannot be had. */
  async function smallDisk(context: TestContext): Promise<string> {
    const dir = join(project.dir, 'small');
    await mkdir(dir);
    try {
      await run('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'none', dir]);
    } catch {
      // The suite of the simulated disk has this without a mount.
      return context.skip('a small tmpfs cannot be mounted here');
    }
    undo.push(() => run('umount', ['-l', dir]));
    return dir;
  }

  it('but for what is to stay free answers 503 before anything fails, and heals when space returns', async (context) => {
    const dir = await smallDisk(context);
    await start({ minFreeDiskBytes: 2 * 1024 * 1024 }, { args: ['--data', dir] });
    await refusedAndHealed(dir, 1024 * 1024);
    // Not even the ledger has met the end of the disk.
    expect(server.stderr()).not.toContain('cannot be written');
  });

  it('to its last byte answers 503 and heals when space returns, and loses nothing', async (context) => {
    const dir = await smallDisk(context);
    await start({ segmentMaxBytes: 1024 * 1024, maxBytes: 64 * 1024 * 1024 }, { args: ['--data', dir] });
    await refusedAndHealed(dir, 0);
    await vi.waitFor(
      async () => expect((await status()).destinations[0]).toMatchObject({ dead: {}, pendingCount: 0 }),
      WAIT,
    );
  });
});
