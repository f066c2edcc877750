import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cpuUsOf, startChild, startMillrace } from '../processes.mjs';
import { closedLoop } from './closed-loop.mjs';
import { countLines } from './lines.mjs';
import { configJson } from './target-config.mjs';

/**
 * What a shape of load did to one target.
 * @typedef {object} Throughput
 * @property {number} acceptedCount Events.
 * @property {number} elapsedMs
 * @property {number} cpuUs Of the process that accepts.
 * @property {number} [routerCpuUs] Of the process that delivers, until it had delivered all.
 * @property {number} [deliveredCount] Of these events, by the lines on disk.
 * @property {number} [refusedCount] Requests.
 *
 * @typedef {{ eventCount: number, connections: number }} Shape
 * @typedef {{ shape: Shape, sizes: import('../options.mjs').Sizes['server'], room: import('../processes.mjs').Room,
 *   bodies: import('./bodies.mjs').Bodies }} Run
 */

/**
 * The real server with one `files` destination. `use` gets its address.
 * @template T
 * @param {Run} run
 * @param {(server: { url: string, pid: number, routerPid: number, delivered: ReturnType<typeof countLines> }) => Promise<T>} use
 */
export async function withMillrace({ shape, room }, use) {
  const dir = await mkdtemp(join(room.dir, 'server-'));
  const destination = { kind: 'files', id: 'disk', settings: { dir: 'out' } };
  await writeFile(join(dir, 'millrace.config.json'), configJson([destination]));
  const server = await startMillrace(dir, `server-millrace-${shape.eventCount}`, room);
  try {
    return await use({ ...server, delivered: countLines(join(dir, 'out')) });
  } finally {
    await server.end();
    await rm(dir, { recursive: true, force: true });
  }
}

/**
 * fastify, JSON.parse, an answer.
 * @template T
 * @param {Run} run
 * @param {(server: { url: string, pid: number }) => Promise<T>} use
 */
export async function withParseOnly({ shape, room }, use) {
  const child = startChild('server/parse-only.mjs', `server-parse-only-${shape.eventCount}`, room);
  try {
    return await use({ url: await child.ask('listen'), pid: child.pid });
  } finally {
    await child.end();
  }
}

/** @type {Record<string, (run: Run) => Promise<Throughput>>} */
export const THROUGHPUT = {
  millrace: (run) =>
    withMillrace(run, async ({ url, pid, routerPid, delivered }) => {
      const { measureMs, drainLimitMs } = run.sizes;
      const warmUp = await warmUpWith(run, url);
      await delivered.until(warmUp.acceptedCount, drainLimitMs);
      const before = { cpuUs: cpuUsOf(pid), routerCpuUs: cpuUsOf(routerPid) };
      const { acceptedCount, refusedCount, elapsedMs } = await load(run, url, measureMs);
      const cpuUs = cpuUsOf(pid) - before.cpuUs;
      const lineCount = await delivered.until(warmUp.acceptedCount + acceptedCount, drainLimitMs);
      return {
        acceptedCount,
        refusedCount,
        elapsedMs,
        cpuUs,
        routerCpuUs: cpuUsOf(routerPid) - before.routerCpuUs,
        deliveredCount: lineCount - warmUp.acceptedCount,
      };
    }),

  'parse only': (run) =>
    withParseOnly(run, async ({ url, pid }) => {
      await warmUpWith(run, url);
      const before = cpuUsOf(pid);
      const { acceptedCount, refusedCount, elapsedMs } = await load(run, url, run.sizes.measureMs);
      return { acceptedCount, refusedCount, elapsedMs, cpuUs: cpuUsOf(pid) - before };
    }),

  'append + fdatasync': async ({ shape, sizes, room }) => {
    const child = startChild('server/append.mjs', `server-append-${shape.eventCount}`, room);
    try {
      const dir = join(room.dir, 'append');
      await mkdir(dir, { recursive: true });
      const append = (durationMs) => child.ask('append', { ...shape, dir, durationMs });
      await append(sizes.warmUpMs);
      const before = cpuUsOf(child.pid);
      const { acceptedCount, elapsedMs } = await append(sizes.measureMs);
      return { acceptedCount, elapsedMs, cpuUs: cpuUsOf(child.pid) - before };
    } finally {
      await child.end();
    }
  },
};

/**
 * @param {Run} run
 * @param {string} url
 * @param {number} durationMs
 */
function load({ shape, bodies }, url, durationMs) {
  return closedLoop({ url, bodies, connections: shape.connections, durationMs });
}

/**
 * By requests and not by time: in seconds the faster server would get three times as many, and be compiled the sooner.
 * @param {Run} run
 * @param {string} url
 */
function warmUpWith({ shape, sizes, bodies }, url) {
  const requestMaxCount = sizes.warmUpRequests[shape.eventCount === 1 ? 'single' : 'batch'];
  return closedLoop({ url, bodies, connections: shape.connections, requestMaxCount });
}
