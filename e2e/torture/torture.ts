import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { startMillrace, type Millrace } from '../harness/millrace.ts';
import { createProject } from '../harness/project.ts';
import { startVendor, type Step, type VendorRequest } from '../harness/vendor.ts';
import type { Evidence, Kill, Receipt } from './count.ts';
import { keyOfDelivered, readDecided, readLog } from './found.ts';
import { isPoisoned, SOURCES, startLoad, type Load } from './load.ts';

export interface TortureOptions {
  /** It goes on until both are over: so many kills, and so long. */
  minKillCount: number;
  minMs: number;
  /** From the start of one life to the kill that ends it, at most; below that, chance. Milliseconds. */
  maxLifeMs: number;
  onKill?: (kill: Kill, load: Load) => void;
}

/** Small enough that a life of the server seals some, and runs of hashes are made and merged. */
const SEGMENT_MAX_BYTES = 64 * 1024;
const WAIT_MAX_MS = 60_000;

/** Kills the server and its router in turn under load, and then looks at what is there. */
export async function torture(options: TortureOptions): Promise<Evidence> {
  const project = await createProject();
  const vendor = await startVendor();
  vendor.plan(stepOf);
  const kills: Kill[] = [];
  let server: Millrace | undefined;
  let load: Load | undefined;
  const start = (): Promise<Millrace> => startMillrace({ mode: 'start', dir: project.dir });
  try {
    await project.writeConfig(configFor(vendor.url));
    server = await start();
    load = startLoad(() => server!.trackingUrl);
    const endMs = performance.now() + options.minMs;
    while (kills.length < options.minKillCount || performance.now() < endMs) {
      await sleep(randomInt(0, options.maxLifeMs));
      // Nothing to lose, nothing shown. The answers of the life before do not count.
      const { answers } = load.counts;
      await until('an answer', () => load!.counts.answers > answers);
      const kill = kills.length % 2 === 0 ? await killServer(server) : await killRouter(server);
      kills.push(kill);
      options.onKill?.(kill, load);
    }
    await load.stop();
    // What is wrong with them ends; what they did by then is to be coped with.
    vendor.plan((request) => (request.path === '/picky' ? stepOf(request) : 'accept'));
    await until('all is delivered', () => isIdle(server!));
    await server.stop();

    const log = await readLog(server.dataDir);
    return {
      sent: load.sent,
      answered: load.answered,
      log: log.keys,
      files: (await project.ndjson('events')).map(keyOfDelivered),
      webhook: receiptsAt('/hook'),
      flaky: receiptsAt('/flaky'),
      picky: receiptsAt('/picky'),
      poisoned: new Set([...load.sent].filter(isPoisoned)),
      decided: readDecided(server.dataDir, log.keys),
      kills,
      sealedCount: log.sealedCount,
      runCount: log.runCount,
      repeatCount: load.counts.repeats,
    };
  } finally {
    await load?.stop();
    await server?.stop();
    await vendor.close();
    await project.remove();
  }

  function receiptsAt(path: string): Receipt[] {
    return vendor.taken
      .filter((taken) => taken.path === path)
      .map(({ event, atMs, answeredAtMs }) => ({
        key: keyOfDelivered(event),
        receivedAtMs: atMs,
        ...(answeredAtMs !== undefined && { answeredAtMs }),
      }));
  }

  async function killServer(killed: Millrace): Promise<Kill> {
    const atMs = performance.now();
    killed.kill('SIGKILL');
    // Its router has gone too by then: it holds the same pipes.
    await killed.exit;
    const goneMs = performance.now();
    server = await start();
    return { what: 'server', atMs, goneMs, restartMs: performance.now() - atMs };
  }
}

async function killRouter(server: Millrace): Promise<Kill> {
  const router = await routerOf(server);
  const atMs = performance.now();
  process.kill(router, 'SIGKILL');
  let goneMs = 0;
  await until('a new router', async () => {
    const current = await server.routerPid().catch(() => undefined);
    if (current !== router) goneMs ||= performance.now();
    return current !== undefined && current !== router && (await stateOf(server)).router.state === 'running';
  });
  return { what: 'router', atMs, goneMs, restartMs: performance.now() - atMs };
}

async function routerOf(server: Millrace): Promise<number> {
  let pid: number | undefined;
  await until('a router', async () => (pid = await server.routerPid().catch(() => undefined)) !== undefined);
  return pid!;
}

interface Status {
  router: { state: string };
  destinations: { state: string; lagCount: number; pendingCount: number }[];
}

async function stateOf(server: Millrace): Promise<Status> {
  const response = await fetch(`${server.consoleUrl}/api/status`, { signal: AbortSignal.timeout(15_000) });
  return (await response.json()) as Status;
}

async function isIdle(server: Millrace): Promise<boolean> {
  const { destinations } = await stateOf(server);
  return destinations.every(
    ({ state, lagCount, pendingCount }) => state === 'running' && lagCount === 0 && pendingCount === 0,
  );
}

/** @throws {Error} It has not come about within a minute. */
async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = performance.now() + WAIT_MAX_MS;
  while (!(await isSo())) {
    if (performance.now() > endMs) throw new Error(`waited ${WAIT_MAX_MS} ms in vain: ${what}`);
    await sleep(20);
  }
}

/** By path: one that is well, one that fails in every way, and one that never takes a batch with a poisoned event in it. */
function stepOf({ path, events }: VendorRequest): Step {
  if (path === '/picky')
    return events.some((event) => isPoisoned(keyOfDelivered(event))) ? { status: 400 } : 'accept';
  if (path === '/hook') return { acceptAfterMs: randomInt(0, 60) };
  const steps: Step[] = [
    { status: 500 },
    { status: 503, retryAfter: '1' },
    { status: 429 },
    'reset',
    'halfAnswer',
    'acceptAndReset',
    { acceptAfterMs: 800 },
  ];
  return Math.random() < 0.5 ? 'accept' : steps[randomInt(0, steps.length)]!;
}

function configFor(vendorUrl: string): string {
  const retry = JSON.stringify({ firstDelayMs: 20, maxDelayMs: 500 });
  return `import { defineConfig, files, webhook } from 'millrace';

export default defineConfig({
  sources: ${JSON.stringify(SOURCES.map((id) => ({ id, name: id, writeKey: `${id}-key` })))},
  destinations: [
    webhook({ id: 'hook', url: '${vendorUrl}/hook', batch: { maxCount: 20 } }),
    webhook({ id: 'flaky', url: '${vendorUrl}/flaky', batch: { maxCount: 20 }, timeoutMs: 500, retry: ${retry} }),
    webhook({ id: 'picky', url: '${vendorUrl}/picky', batch: { maxCount: 20 }, retry: ${retry} }),
    files({ id: 'disk', dir: 'events' }),
  ],
  log: { segmentMaxBytes: ${SEGMENT_MAX_BYTES} },
});
`;
}
