import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startChild } from '../processes.mjs';

const POLL_MS = 20;
/** Once a library says that it is done, how long nothing may arrive before the rest counts as lost. */
const QUIET_MS = 500;
/** To start and to compile. */
const START_LIMIT_MS = 30_000;
/** For a process that is busy with one synchronous call when its time is over. */
const BUSY_GRACE_MS = 5_000;

/**
 * @typedef {object} Scenario
 * @property {'calls' | 'bursts' | 'tick'} scenario
 * @property {number} wantedCount Events, all in all.
 * @property {number} [eventCount]
 * @property {number} [burstCount]
 *
 * @typedef {object} Trial
 * @property {boolean} finished False: the limit came first, and the numbers are those until then.
 * @property {number} wantedCount
 * @property {number} trackedCount
 * @property {number} deliveredCount By distinct id, at the sink.
 * @property {number} lostCount Tracked and not delivered; only where it finished.
 * @property {number} duplicateCount
 * @property {number} elapsedMs From the first call.
 * @property {number} [callCpuUs] In the calls themselves, all in all.
 * @property {{ cpuUs: number, peakRssBytes: number, loopDelayP99Ms: number, loopDelayMaxMs: number }} [usage]
 *   Absent where the process no longer answered.
 * @property {string} [failure] It crashed.
 */

/**
 * One contender, one scenario, one fresh process.
 * @param {{ contender: string, scenario: Scenario, warmUpRounds: number, limitMs: number, sink: Sink, room: import('../processes.mjs').Room }} trial
 * @returns {Promise<Trial>}
 */
export async function runTrial({ contender, scenario, warmUpRounds, limitMs, sink, room }) {
  const { wantedCount, ...question } = scenario;
  const child = startChild('library/contender.mjs', `library-${contender}-${scenario.scenario}`, room);
  let startedMs = 0;
  try {
    await sink.reset();
    const dir = await mkdtemp(join(room.dir, 's-'));
    const start = child.ask('start', { contender, host: sink.url, dir, warmUpRounds });
    const warmUpCount = await inTime(start, START_LIMIT_MS);
    if (warmUpCount === undefined) throw new Error('it did not start');
    await settled(sink, warmUpCount, performance.now() + QUIET_MS);
    await sink.reset();
    await child.ask('watchDelay');

    startedMs = performance.now();
    const untilMs = startedMs + limitMs;
    const tracked = await inTime(child.ask('track', { ...question, limitMs }), limitMs + BUSY_GRACE_MS);
    const complete =
      tracked?.trackedCount === wantedCount &&
      (await settled(sink, wantedCount, untilMs, child.ask('drained')));
    const elapsedMs = performance.now() - startedMs;
    const usage = tracked && (await inTime(child.ask('usage'), BUSY_GRACE_MS));
    return { ...tracked, ...(usage && { usage }), ...(await outcome(complete, tracked, elapsedMs)) };
  } catch (error) {
    return { ...(await outcome(false, undefined, performance.now() - startedMs)), failure: error.message };
  } finally {
    // A process that is busy would not notice that it should end.
    if ((await inTime(child.ask('usage'), 200).catch(() => undefined)) === undefined) await child.kill();
    else await child.end();
  }

  async function outcome(finished, tracked, elapsedMs) {
    const { distinctCount, eventCount, requestCount, connectionCount } = await sink.counts();
    const trackedCount = tracked?.trackedCount ?? 0;
    return {
      finished,
      wantedCount,
      trackedCount,
      deliveredCount: distinctCount,
      lostCount: finished ? trackedCount - distinctCount : 0,
      duplicateCount: eventCount - distinctCount,
      requestCount,
      connectionCount,
      elapsedMs,
    };
  }
}

/**
 * Starts the process that counts.
 * @param {import('../processes.mjs').Room} room
 */
export async function startSink(room) {
  const child = startChild('library/sink.mjs', 'library-sink', { ...room, profileDir: undefined });
  const port = await child.ask('listen');
  return {
    url: `http://127.0.0.1:${port}`,
    counts: () => child.ask('counts'),
    reset: () => child.ask('reset'),
    /** Refuses connections until it comes back, at the same address. */
    leave: () => child.ask('leave'),
    comeBack: () => child.ask('comeBack'),
    end: () => child.end(),
  };
}

/** @typedef {Awaited<ReturnType<typeof startSink>>} Sink */

/**
 * True once all has arrived, or the library says it is done and nothing has arrived for a while.
 * @param {Sink} sink
 * @param {number} expectedCount
 * @param {number} untilMs
 * @param {Promise<unknown>} [drain]
 */
async function settled(sink, expectedCount, untilMs, drain) {
  let drained = false;
  // A library whose flush fails is as done as it will get.
  const markDrained = () => {
    drained = true;
  };
  drain?.then(markDrained, markDrained);
  for (;;) {
    const { distinctCount, quietMs } = await sink.counts();
    if (distinctCount >= expectedCount || (drained && quietMs > QUIET_MS)) return true;
    if (performance.now() > untilMs) return false;
    await sleep(POLL_MS);
  }
}

/**
 * @template T
 * @param {Promise<T>} promise
 * @param {number} limitMs
 * @returns {Promise<T | undefined>}
 */
async function inTime(promise, limitMs) {
  const over = new AbortController();
  // If the limit comes first, nobody is left to see that the child ended later.
  promise.catch(() => {});
  try {
    return await Promise.race([
      promise,
      sleep(limitMs, undefined, { signal: over.signal }).catch(() => undefined),
    ]);
  } finally {
    over.abort();
  }
}
