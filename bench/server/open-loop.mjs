import { Pool } from 'undici';
import { percentile } from '../stats.mjs';
import { HEADERS } from './target-config.mjs';

/** Requests beyond these wait in the client, and their waiting counts. */
const CONNECTIONS = 64;
/** With so many unanswered the server is not at half its load but swamped. */
const OUTSTANDING_MAX_COUNT = 5_000;

/**
 * Requests at times fixed beforehand, whether earlier ones are answered or not, and each latency counted from
 * its scheduled time: a stall delays all that was due meanwhile, as it does with users.
 * @param {{ url: string, bodies: import('./bodies.mjs').Bodies, requestsPerSecond: number, durationMs: number,
 *   random: () => number }} load
 */
export async function openLoop({ url, bodies, requestsPerSecond, durationMs, random }) {
  const pool = new Pool(url, { connections: CONNECTIONS, pipelining: 1 });
  const dueMs = arrivals(requestsPerSecond, durationMs, random);
  const latenciesMs = [];
  const latenessesMs = [];
  let refusedCount = 0;
  let outstandingCount = 0;
  const startedMs = performance.now();

  const send = async (scheduledMs) => {
    outstandingCount += 1;
    latenessesMs.push(performance.now() - startedMs - scheduledMs);
    try {
      const { path } = bodies;
      const answer = await pool.request({ path, method: 'POST', headers: HEADERS, body: bodies.next() });
      await answer.body.dump();
      if (answer.statusCode !== 200) refusedCount += 1;
    } catch {
      refusedCount += 1;
    }
    latenciesMs.push(performance.now() - startedMs - scheduledMs);
    outstandingCount -= 1;
  };

  const sent = [];
  let swamped = false;
  for (const scheduledMs of dueMs) {
    const waitMs = scheduledMs - (performance.now() - startedMs);
    // Node's timers know whole milliseconds: what is due within one goes in the same turn.
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    swamped = outstandingCount > OUTSTANDING_MAX_COUNT;
    if (swamped) break;
    sent.push(send(scheduledMs));
  }
  await Promise.all(sent);
  await pool.close();
  const at = (percent) => percentile(latenciesMs, percent);
  return {
    requestsPerSecond,
    requestCount: sent.length,
    refusedCount,
    swamped,
    p50Ms: at(50),
    p99Ms: at(99),
    p999Ms: at(99.9),
    /** How late the generator itself was, which is part of the latencies. */
    generatorP99Ms: percentile(latenessesMs, 99),
  };
}

/** Random and independent of each other (a Poisson process), in milliseconds from the start. */
function arrivals(requestsPerSecond, durationMs, random) {
  const dueMs = [];
  const meanMs = 1_000 / requestsPerSecond;
  for (let at = 0; ;) {
    at -= meanMs * Math.log(1 - random());
    if (at > durationMs) return dueMs;
    dueMs.push(at);
  }
}
