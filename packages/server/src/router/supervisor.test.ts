import { pino } from 'pino';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../clock.ts';
import type { DurableEnds, LogStarts } from '../log/log.ts';
import { RouterUnavailableError } from './requests.ts';
import {
  ConfigRefusedError,
  restartDelayMs,
  RouterStartError,
  startRouter,
  type RouterProcess,
} from './supervisor.ts';

const never = new AbortController().signal;
const WAIT = { timeout: 10_000, interval: 10 };

let running: RouterProcess | undefined;
afterEach(async () => {
  await running?.stop({ timeoutMs: 1_000 });
  running = undefined;
});

function fakeLog(position: number): {
  durableEnds: DurableEnds;
  starts: LogStarts;
  onDurable(listener: (ends: DurableEnds) => void): () => void;
  commit(position: number): void;
  listenerCount(): number;
} {
  const listeners = new Set<(ends: DurableEnds) => void>();
  return {
    durableEnds: { 0: position },
    starts: { 0: 0 },
    onDurable(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    commit(position) {
      this.durableEnds = { 0: position };
      for (const listener of listeners) listener(this.durableEnds);
    },
    listenerCount: () => listeners.size,
  };
}

async function start(behaviour: string, log = fakeLog(0)): Promise<RouterProcess> {
  running = await startRouter({
    entry: new URL('supervisor.fixture.mjs', import.meta.url),
    dataDir: '.',
    configFile: behaviour,
    logLevel: 'silent',
    log,
    clock: systemClock,
    logger: pino({ level: 'silent' }),
  });
  return running;
}

/** What the fixture heard last, and its process. */
function heard(router: RouterProcess): { ends: unknown; pid: number } {
  const [echo] = router.status().destinations;
  return { ends: JSON.parse(echo?.reason ?? 'null') as unknown, pid: Number(echo?.destinationId) };
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe('the supervisor', () => {
  it('is there once the router is ready, which knows the durable ends', async () => {
    const router = await start('sound', fakeLog(7));
    expect(router.status().state).toBe('running');
    await vi.waitFor(() => expect(heard(router).ends).toEqual({ 0: 7 }), WAIT);
  });

  it('rejects with the words of a router that cannot work', async () => {
    const started = start('fail');
    await expect(started).rejects.toBeInstanceOf(RouterStartError);
    await expect(started).rejects.toThrow('the config is wrong');
  });

  it('rejects when the router ends before it is ready', async () => {
    await expect(start('exit')).rejects.toThrow('the router ended with code 3');
  });

  it('passes the newest durable end on, however many commits there were', async () => {
    const log = fakeLog(0);
    const router = await start('sound', log);
    for (let position = 1; position <= 5_000; position += 1) log.commit(position);
    await vi.waitFor(() => expect(heard(router).ends).toEqual({ 0: 5_000 }), WAIT);
  });

  it('starts another one when it dies, with the durable ends as they are then', async () => {
    const log = fakeLog(1);
    const router = await start('sound', log);
    await vi.waitFor(() => expect(heard(router).ends).toEqual({ 0: 1 }), WAIT);
    const { pid } = heard(router);
    process.kill(pid, 'SIGKILL');
    await vi.waitFor(() => expect(router.status()).toMatchObject({ state: 'failed' }), WAIT);
    expect(router.status().reason).toBe('the router was ended by SIGKILL');
    log.commit(2);
    await vi.waitFor(() => expect(heard(router)).not.toMatchObject({ pid }), WAIT);
    await vi.waitFor(() => expect(router.status()).toEqual({ ...router.status(), state: 'running' }), WAIT);
    expect(router.status().reason).toBeUndefined();
    expect(heard(router).ends).toEqual({ 0: 2 });
    log.commit(3);
    await vi.waitFor(() => expect(heard(router).ends).toEqual({ 0: 3 }), WAIT);
  });

  it('waits longer from failure to failure, to ten seconds', () => {
    expect([1, 2, 3, 7, 8, 100].map(restartDelayMs)).toEqual([100, 200, 400, 6_400, 10_000, 10_000]);
  });

  it('stops the router and listens to the log no more; two calls join', async () => {
    const log = fakeLog(0);
    const router = await start('sound', log);
    await vi.waitFor(() => expect(heard(router).pid).toBeGreaterThan(0), WAIT);
    await Promise.all([router.stop({ timeoutMs: 10_000 }), router.stop({ timeoutMs: 10_000 })]);
    expect(isAlive(heard(router).pid)).toBe(false);
    expect(log.listenerCount()).toBe(0);
  });

  it('kills a router that does not stop in time', async () => {
    const router = await start('deaf');
    await vi.waitFor(() => expect(heard(router).pid).toBeGreaterThan(0), WAIT);
    await router.stop({ timeoutMs: 50 });
    expect(isAlive(heard(router).pid)).toBe(false);
  });

  it('starts none any more when it is stopped between two', async () => {
    const router = await start('sound');
    await vi.waitFor(() => expect(heard(router).pid).toBeGreaterThan(0), WAIT);
    process.kill(heard(router).pid, 'SIGKILL');
    await vi.waitFor(() => expect(router.status().state).toBe('failed'), WAIT);
    await router.stop({ timeoutMs: 10_000 });
    expect(router.status().state).toBe('failed');
  });

  it('asks the router up to where the log may be trimmed, and knows what is needed while it runs', async () => {
    const router = await start('sound', fakeLog(7));
    expect(router.needs()).toEqual({ hook: { 0: 3 } });
    await expect(router.release(0, 5, false, never)).resolves.toBe(3);
    await expect(router.release(0, 5, true, never)).resolves.toBe(5);
  });

  it('rejects a release that a router leaves unanswered, because it dies or somebody has to stop', async () => {
    const router = await start('sound', fakeLog(7));
    const stopping = new AbortController();
    const unanswered = router.release(0, 666, false, stopping.signal);
    stopping.abort();
    await expect(unanswered).rejects.toBeInstanceOf(RouterUnavailableError);
    const dying = router.release(0, 666, false, never);
    process.kill(heard(router).pid, 'SIGKILL');
    await expect(dying).rejects.toBeInstanceOf(RouterUnavailableError);
    expect(router.needs()).toBeUndefined();
    await expect(router.release(0, 5, false, never)).rejects.toBeInstanceOf(RouterUnavailableError);
  });

  it('tells the router where the log starts, and a later one from its beginning', async () => {
    const log = fakeLog(7);
    const router = await start('sound', log);
    log.starts = { 0: 4 };
    router.setStarts(log.starts);
    await vi.waitFor(() => expect(heard(router).ends).toEqual({ starts: { 0: 4 } }), WAIT);
    const { pid } = heard(router);
    process.kill(pid, 'SIGKILL');
    await vi.waitFor(() => expect(heard(router)).not.toMatchObject({ pid }), WAIT);
    await expect(router.release(0, 0, false, never)).resolves.toBe(4);
  });

  it('has dead letters changed by the router, and rejects where it dies before it answers', async () => {
    const router = await start('sound');
    const places = [{ destinationId: 'hook', partition: 0, position: 3 }];
    await expect(router.changeDead('drop', { places })).resolves.toEqual({ count: 1 });
    const unanswered = router.changeDead('retry', { places });
    process.kill(heard(router).pid, 'SIGKILL');
    await expect(unanswered).rejects.toBeInstanceOf(RouterUnavailableError);
    await expect(router.changeDead('drop', { places })).rejects.toBeInstanceOf(RouterUnavailableError);
  });
});

describe('a replacement', () => {
  it('lets the router finish, and resolves with another one ready', async () => {
    const log = fakeLog(1);
    const router = await start('sound', log);
    await vi.waitFor(() => expect(heard(router).pid).toBeGreaterThan(0), WAIT);
    const { pid } = heard(router);
    log.commit(2);
    await router.replace({ timeoutMs: 10_000 });
    expect(isAlive(pid)).toBe(false);
    expect(router.status()).toMatchObject({ state: 'running' });
    expect(router.status().reason).toBeUndefined();
    await vi.waitFor(() => expect(heard(router)).toMatchObject({ ends: { 0: 2 } }), WAIT);
    expect(heard(router).pid).not.toBe(pid);
  });

  it('waits for no pause after a failure', async () => {
    const router = await start('sound');
    for (let failureCount = 0; failureCount < 5; failureCount += 1) {
      await vi.waitFor(() => expect(router.status().state).toBe('running'), WAIT);
      process.kill(heard(router).pid, 'SIGKILL');
      await vi.waitFor(() => expect(router.status().state).toBe('failed'), WAIT);
    }
    await router.replace({ timeoutMs: 10_000 });
    expect(router.status().state).toBe('running');
  });

  it('kills a router that does not stop in time', async () => {
    const router = await start('deaf');
    await vi.waitFor(() => expect(heard(router).pid).toBeGreaterThan(0), WAIT);
    const { pid } = heard(router);
    await router.replace({ timeoutMs: 50 });
    expect(isAlive(pid)).toBe(false);
    expect(router.status().state).toBe('running');
  });

  it('resolves when all is stopped meanwhile', async () => {
    const router = await start('sound');
    await Promise.all([router.replace({ timeoutMs: 10_000 }), router.stop({ timeoutMs: 10_000 })]);
    await vi.waitFor(() => expect(isAlive(heard(router).pid)).toBe(false), WAIT);
  });
});

describe('a check of a config', () => {
  it('passes one that can be used, beside the router that runs', async () => {
    const router = await start('sound');
    await vi.waitFor(() => expect(heard(router).pid).toBeGreaterThan(0), WAIT);
    const { pid } = heard(router);
    await router.check('sound');
    expect(isAlive(pid)).toBe(true);
  });

  it.each([
    ['fail', 'the config is wrong'],
    ['exit', 'the router ended with code 3'],
  ])('refuses one that makes the router %s, in its words', async (behaviour, words) => {
    const router = await start('sound');
    await expect(router.check(behaviour)).rejects.toThrow(new ConfigRefusedError(words));
    expect(router.status().state).toBe('running');
  });
});
