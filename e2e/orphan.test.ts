import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { configFor, createProject, type Project } from './harness/project.ts';
import { startMillrace, type Millrace } from './harness/millrace.ts';
import { startReceiver, type Receiver } from './harness/receiver.ts';

let project: Project;
let receiver: Receiver;
let server: Millrace;
const orphans: number[] = [];

beforeEach(async () => {
  project = await createProject();
  receiver = await startReceiver();
  await project.writeConfig(configFor(receiver.url));
  server = await startMillrace({ mode: 'start', dir: project.dir });
});

afterEach(async () => {
  await server.stop();
  for (const pid of orphans.splice(0)) kill(pid, 'SIGKILL');
  await receiver.close();
  await project.remove();
});

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Gone, as it should be.
  }
}

async function accept(ids: readonly string[]): Promise<void> {
  const batch = ids.map((messageId) => ({ type: 'track', userId: 'u', event: 'E', messageId }));
  const response = await fetch(`${server.trackingUrl}/v1/batch`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ writeKey: 'shop-key', batch }),
  });
  expect(response.status).toBe(200);
}

/** R running, S sleeping, T stopped …; Z and undefined mean that it is gone. */
async function stateOf(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  return stat?.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3);
}

const isAlive = async (pid: number): Promise<boolean> => !['Z', 'X', undefined].includes(await stateOf(pid));

/** Lets the router of a killed server neither notice nor end, and starts a new server beside it. */
async function restartBesideOrphan(orphan: number): Promise<number> {
  const { pid } = server;
  server.kill('SIGKILL');
  // Not `exit`, which waits for the pipes, and the orphan holds them.
  await vi.waitFor(async () => expect(await isAlive(pid)).toBe(false));
  expect(await isAlive(orphan)).toBe(true);
  const startedAtMs = Date.now();
  server = await startMillrace({ mode: 'start', dir: project.dir });
  return Date.now() - startedAtMs;
}

const idsOf = (events: Record<string, unknown>[]): unknown[] => events.map((event) => event['messageId']);

async function everyOneArrivedOnceInOrder(ids: readonly string[]): Promise<void> {
  await vi.waitFor(
    async () => {
      expect(idsOf(receiver.events())).toEqual(expect.arrayContaining([...ids]));
      expect(idsOf(await project.ndjson('events'))).toEqual(ids);
    },
    { timeout: 20_000, interval: 100 },
  );
}

describe('a router that outlives its server', () => {
  it('and hangs is waited for, then ended, and never delivers beside the new one', async () => {
    const before = ['before-1', 'before-2', 'before-3'];
    const while_ = ['while-1', 'while-2', 'while-3'];
    const after = ['after-1', 'after-2', 'after-3'];
    await accept(before);
    await everyOneArrivedOnceInOrder(before);
    const orphan = await server.routerPid();
    orphans.push(orphan);
    process.kill(orphan, 'SIGSTOP');
    await vi.waitFor(async () => expect(await stateOf(orphan)).toBe('T'));
    // Durable, and on its way to the orphan, which does not read it any more.
    await accept(while_);

    const tookMs = await restartBesideOrphan(orphan);

    // Up to 10 s for it to end by itself, then it is ended, and only then is there a router again.
    expect(tookMs).toBeGreaterThanOrEqual(9_500);
    expect(tookMs).toBeLessThan(20_000);
    expect(await isAlive(orphan)).toBe(false);
    const router = await server.routerPid();
    expect(router).not.toBe(orphan);
    const holder = JSON.parse(await readFile(join(server.dataDir, 'router.lock.json'), 'utf8')) as object;
    expect(holder).toMatchObject({ pid: router });

    kill(orphan, 'SIGCONT');
    await accept(after);
    await everyOneArrivedOnceInOrder([...before, ...while_, ...after]);
    // Nothing was in flight at the kill, so there is nothing of which a duplicate could be.
    expect(idsOf(receiver.events())).toEqual([...before, ...while_, ...after]);
  });

  it('and wakes up before its time is over ends by itself', async () => {
    const orphan = await server.routerPid();
    orphans.push(orphan);
    process.kill(orphan, 'SIGSTOP');
    await vi.waitFor(async () => expect(await stateOf(orphan)).toBe('T'));
    const ids = ['a', 'b', 'c'];
    await accept(ids);
    setTimeout(() => kill(orphan, 'SIGCONT'), 3_000);
    const tookMs = await restartBesideOrphan(orphan);
    expect(tookMs).toBeGreaterThanOrEqual(2_500);
    expect(tookMs).toBeLessThan(9_500);
    expect(await isAlive(orphan)).toBe(false);
    await everyOneArrivedOnceInOrder(ids);
  });

  it('in the middle of a delivery leaves a duplicate at most, in order, and none in the file', async () => {
    receiver.answer('never');
    const ids = ['x-1', 'x-2', 'x-3'];
    await accept(ids);
    await vi.waitFor(() => expect(receiver.requests.length).toBeGreaterThan(0), { timeout: 10_000 });
    const orphan = await server.routerPid();
    orphans.push(orphan);
    process.kill(orphan, 'SIGSTOP');
    receiver.answer(200);
    await restartBesideOrphan(orphan);
    expect(await isAlive(orphan)).toBe(false);
    await everyOneArrivedOnceInOrder(ids);
    expect(idsOf(receiver.events())).toEqual(ids);
    // The one that was in flight came a second time, by the new router; the others once.
    const attempts = receiver.requests.map(({ body }) => (body as { messageId: string }).messageId);
    expect(attempts).toEqual(['x-1', ...ids]);
  });
});
