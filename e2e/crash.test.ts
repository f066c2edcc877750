import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { configFor, createProject, type Project } from './harness/project.ts';
import { startMillrace, type Millrace } from './harness/millrace.ts';
import { startReceiver, type Receiver } from './harness/receiver.ts';

let project: Project;
let receiver: Receiver;
let server: Millrace;

beforeEach(async () => {
  project = await createProject();
  receiver = await startReceiver();
  await project.writeConfig(configFor(receiver.url));
  server = await startMillrace({ mode: 'start', dir: project.dir });
});

afterEach(async () => {
  await server.stop();
  await receiver.close();
  await project.remove();
});

/** Posts batches from several senders until told to stop; remembers each messageId that was answered 200. */
function load(senders: number, batchCount: number) {
  const answered = new Set<string>();
  const stopping = new AbortController();
  let batches = 0;
  const sender = async (name: number): Promise<void> => {
    for (let n = 0; !stopping.signal.aborted; n += 1) {
      const ids = Array.from({ length: batchCount }, (_, index) => `${name}-${n}-${index}`);
      const batch = ids.map((messageId) => ({
        type: 'track',
        userId: `u-${name}`,
        event: 'Load',
        messageId,
      }));
      const response = await fetch(`${server.trackingUrl}/v1/batch`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ writeKey: 'shop-key', batch }),
      }).catch(() => undefined);
      if (response?.status === 200) {
        for (const id of ids) answered.add(id);
        batches += 1;
      }
      await response?.arrayBuffer().catch(() => undefined);
    }
  };
  const done = Promise.all(Array.from({ length: senders }, (_, name) => sender(name)));
  return {
    answered,
    batches: () => batches,
    stop: async () => {
      stopping.abort();
      await done;
    },
  };
}

function missing(answered: Set<string>, events: Record<string, unknown>[]): string[] {
  const found = new Set(events.map((event) => event['messageId']));
  return [...answered].filter((id) => !found.has(id));
}

async function everythingArrived(answered: Set<string>): Promise<void> {
  await vi.waitFor(
    async () => {
      expect(missing(answered, receiver.events())).toEqual([]);
      expect(missing(answered, await project.ndjson('events').catch(() => []))).toEqual([]);
    },
    { timeout: 40_000, interval: 250 },
  );
}

/** A file keeps each event once, whatever crashed in between. */
async function fileHasEachOnce(): Promise<void> {
  const ids = (await project.ndjson('events')).map((event) => event['messageId']);
  expect(new Set(ids).size).toBe(ids.length);
}

describe('kill -9 under load', () => {
  it('of the server loses nothing that was answered 200', async () => {
    const traffic = load(4, 20);
    for (let round = 1; round <= 3; round += 1) {
      const before = traffic.batches();
      await vi.waitFor(() => expect(traffic.batches()).toBeGreaterThan(before + 20), { timeout: 20_000 });
      server.kill('SIGKILL');
      await server.exit;
      server = await startMillrace({ mode: 'start', dir: project.dir });
    }
    await traffic.stop();
    await everythingArrived(traffic.answered);
    await fileHasEachOnce();
  });

  it('of the router loses nothing, and the collector goes on answering', async () => {
    const traffic = load(4, 20);
    for (let round = 1; round <= 3; round += 1) {
      const router = await vi.waitFor(() => server.routerPid());
      const before = traffic.batches();
      process.kill(router, 'SIGKILL');
      await vi.waitFor(() => expect(traffic.batches()).toBeGreaterThan(before + 20), { timeout: 20_000 });
      await vi.waitFor(async () => expect(await server.routerPid()).not.toBe(router), { timeout: 20_000 });
    }
    await traffic.stop();
    await everythingArrived(traffic.answered);
    await fileHasEachOnce();
  });
});

describe('a destination that fails', () => {
  it('gets its events when it is back, in order, while the other one goes on', async () => {
    receiver.answer(503);
    const traffic = load(1, 5);
    await vi.waitFor(() => expect(traffic.batches()).toBeGreaterThan(3));
    await traffic.stop();
    await vi.waitFor(async () =>
      expect(missing(traffic.answered, await project.ndjson('events'))).toEqual([]),
    );
    expect(receiver.events()).toEqual([]);
    await vi.waitFor(() => expect(receiver.requests.length).toBeGreaterThan(0));
    receiver.answer(200);
    await everythingArrived(traffic.answered);
    expect(receiver.events().map((event) => event['messageId'])).toEqual([...traffic.answered]);
  });

  it('stops on 401, keeps the events, and delivers them after a restart', async () => {
    receiver.answer(401);
    const traffic = load(1, 5);
    await vi.waitFor(() => expect(traffic.batches()).toBeGreaterThan(0));
    await traffic.stop();
    await vi.waitFor(async () => {
      const status = await (await fetch(`${server.consoleUrl}/api/status`)).text();
      expect(status).toContain('unauthorized');
    });
    expect(receiver.requests.length).toBeLessThan(10);
    receiver.answer(200);
    await server.stop();
    server = await startMillrace({ mode: 'start', dir: project.dir });
    await everythingArrived(traffic.answered);
  });

  it('leaves a rejected event as a dead letter that the status counts', async () => {
    receiver.answer(422);
    const traffic = load(1, 1);
    await vi.waitFor(() => expect(traffic.batches()).toBeGreaterThan(0));
    await traffic.stop();
    await vi.waitFor(async () => {
      const status = await (await fetch(`${server.consoleUrl}/api/status`)).text();
      expect(status).toMatch(new RegExp(`"HTTP_422":${traffic.answered.size}\\b`));
    });
  });
});

describe('a stopped server', () => {
  it('finishes: all that was answered is found by the next one', async () => {
    const traffic = load(4, 20);
    await vi.waitFor(() => expect(traffic.batches()).toBeGreaterThan(20));
    const { code } = await server.stop();
    expect(code).toBe(0);
    await traffic.stop();
    server = await startMillrace({ mode: 'start', dir: project.dir });
    await everythingArrived(traffic.answered);
    await fileHasEachOnce();
  });
});
