import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';
import { cpuUsOf, startChild, startMillrace } from '../processes.mjs';
import { createBodies } from '../server/bodies.mjs';
import { HEADERS, configJson } from '../server/target-config.mjs';

/** What the webhook destination does; the bare loop does the same. */
const CONCURRENCY = 8;
const INGEST_BATCH_COUNT = 100;
const POLL_MS = 20;
/** For a backlog to stand at the receiver's door. */
const FILL_LIMIT_MS = 10_000;
/** From then on until the sender has read ahead what it wants to. */
const STEADY_MS = 300;

/**
 * @typedef {{ webhookCount: number, batchCount: number, warmUpCount: number, eventCount: number,
 *   limitMs: number,
 *   receiver: import('../processes.mjs').Child, receiverUrl: string, room: import('../processes.mjs').Room }} Run
 *
 * @typedef {object} Delivered
 * @property {number} expectedCount Events, over all webhooks.
 * @property {number} deliveredCount
 * @property {number} elapsedMs
 * @property {number} cpuUs Of the sending process.
 */

/**
 * Millrace with a backlog for every webhook: first all events are accepted while the receiver holds its answers.
 * @param {Run} run
 * @returns {Promise<Delivered>}
 */
export async function deliverByMillrace(run) {
  const { webhookCount, batchCount, limitMs, room } = run;
  const dir = await mkdtemp(join(room.dir, 'delivery-'));
  const destinations = urlsOf(run).map((url, index) => ({
    kind: 'webhook',
    id: `hook-${index}`,
    settings: {
      url,
      timeoutMs: 2 * limitMs,
      ...(batchCount > 1 && { batch: { maxCount: batchCount } }),
    },
  }));
  await writeFile(join(dir, 'millrace.config.json'), configJson(destinations));
  const bodies = createBodies(INGEST_BATCH_COUNT);
  const server = await startMillrace(dir, `delivery-millrace-${webhookCount}x${batchCount}`, room);
  try {
    const send = async (eventCount) => {
      await ingest(server.url, bodies, eventCount);
      return eventCount;
    };
    await backlog(run, run.warmUpCount, send, server.routerPid);
    return await backlog(run, run.eventCount, send, server.routerPid);
  } finally {
    await server.end();
    await rm(dir, { recursive: true, force: true });
  }
}

/**
 * A loop of undici that posts the body that millrace has posted.
 * @param {Run} run
 * @param {{ body: string, eventCount: number }} sample
 * @returns {Promise<Delivered>}
 */
export async function deliverByBareLoop(run, sample) {
  const { webhookCount, batchCount, room } = run;
  const child = startChild('delivery/bare-loop.mjs', `delivery-bare-${webhookCount}x${batchCount}`, room);
  try {
    const send = async (eventCount) => {
      const requestCount = Math.ceil(eventCount / sample.eventCount);
      await child.ask('start', {
        urls: urlsOf(run),
        body: sample.body,
        requestCount,
        concurrency: CONCURRENCY,
      });
      return requestCount * sample.eventCount;
    };
    await backlog(run, run.warmUpCount, send, child.pid);
    return await backlog(run, run.eventCount, send, child.pid);
  } finally {
    await child.end();
  }
}

/**
 * Has something to send pile up before the receiver, then lets it through.
 * @param {Run} run
 * @param {number} wantedCount Events for each webhook.
 * @param {(eventCount: number) => Promise<number>} send Answers with how many it really sends.
 * @param {number} senderPid
 * @returns {Promise<Delivered>}
 */
async function backlog({ webhookCount, batchCount, limitMs, receiver }, wantedCount, send, senderPid) {
  await receiver.ask('hold');
  const eventCount = await send(wantedCount);
  const requestCount = Math.min(CONCURRENCY, Math.ceil(eventCount / batchCount)) * webhookCount;
  const untilMs = performance.now() + FILL_LIMIT_MS;
  while ((await receiver.ask('heldCount')) < requestCount && performance.now() < untilMs)
    await sleep(POLL_MS);
  await sleep(STEADY_MS);
  const expectedCount = eventCount * webhookCount;
  const cpuBefore = cpuUsOf(senderPid);
  const { deliveredCount, elapsedMs } = await receiver.ask('release', { expectedCount, limitMs });
  return { expectedCount, deliveredCount, elapsedMs, cpuUs: cpuUsOf(senderPid) - cpuBefore };
}

/** @param {Run} run */
function urlsOf({ webhookCount, receiverUrl }) {
  return Array.from({ length: webhookCount }, (_, index) => `${receiverUrl}/hook-${index}`);
}

/**
 * @param {string} url
 * @param {import('../server/bodies.mjs').Bodies} bodies
 * @param {number} eventCount
 */
async function ingest(url, bodies, eventCount) {
  const pool = new Pool(url, { connections: 4 });
  for (let sent = 0; sent < eventCount; sent += INGEST_BATCH_COUNT) {
    const { path } = bodies;
    const { statusCode, body } = await pool.request({
      path,
      method: 'POST',
      headers: HEADERS,
      body: bodies.next(),
    });
    await body.dump();
    if (statusCode !== 200) throw new Error(`millrace answered ${statusCode}`);
  }
  await pool.close();
}
