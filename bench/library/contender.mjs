import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { answer } from '../answers.mjs';
import { messageOf } from '../event.mjs';
import { ADAPTERS } from './adapters/adapter.mjs';

/** A process of its own for each trial: one contender, made to track events, and its own CPU. */

const BURST_COUNT = 1_000;
const BURST_EVERY_MS = 10;
/** How often a loop in one tick looks at the clock. */
const CHECK_EVERY_COUNT = 100;
const DELAY_RESOLUTION_MS = 1;

/** @type {import('./adapters/adapter.mjs').Client} */
let client;
/** @type {unknown[]} */
let messages;
let trackedCount = 0;
/** @type {Promise<void>} */
let draining;
let cpuAtStart = process.cpuUsage();
const delay = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION_MS });

const scenarios = { calls, bursts, tick };

answer({
  /** Compiles what will be measured. */
  async start({ contender, host, dir, warmUpRounds }) {
    const adapter = await ADAPTERS[contender]();
    messages = Array.from({ length: BURST_COUNT }, (_, index) => adapter.prepare(messageOf(index)));
    client = adapter.create(host, dir);
    for (let round = 0; round < warmUpRounds; round += 1) {
      track(100, Infinity);
      await client.drain();
    }
    return trackedCount;
  },
  /** Asked just before, since the first interval only starts the count: a loop blocked from then on would not show. */
  async watchDelay() {
    delay.enable();
    await sleep(10 * DELAY_RESOLUTION_MS);
  },
  async track({ scenario, limitMs, ...sizes }) {
    trackedCount = 0;
    cpuAtStart = process.cpuUsage();
    const callCpuUs = await scenarios[scenario]({ ...sizes, untilMs: performance.now() + limitMs });
    draining = client.drain();
    draining.catch(() => {});
    return { trackedCount, callCpuUs };
  },
  /** Answers nothing: what a library resolves with would be built, and sent to the parent, at its expense. */
  async drained() {
    await draining;
  },
  async usage() {
    // A loop that was blocked until now has not yet measured for how long.
    await sleep(2 * DELAY_RESOLUTION_MS);
    const { user, system } = process.cpuUsage(cpuAtStart);
    return {
      cpuUs: user + system,
      peakRssBytes: process.resourceUsage().maxRSS * 1024,
      // The histogram holds whole intervals of the timer.
      loopDelayP99Ms: Math.max(0, delay.percentile(99) / 1e6 - DELAY_RESOLUTION_MS),
      loopDelayMaxMs: Math.max(0, delay.max / 1e6 - DELAY_RESOLUTION_MS),
    };
  },
});

/** The calls alone: CPU until a burst of them has returned, with all delivered before the next burst. */
async function calls({ burstCount, untilMs }) {
  let callCpuUs = 0;
  for (let burst = 0; burst < burstCount && performance.now() < untilMs; burst += 1) {
    const before = process.cpuUsage();
    track(BURST_COUNT, Infinity);
    const { user, system } = process.cpuUsage(before);
    callCpuUs += user + system;
    await client.drain();
  }
  return callCpuUs;
}

/** Bursts of 1,000 in one tick, the next after 10 ms, or when the loop gets to it. */
async function bursts({ eventCount, untilMs }) {
  while (trackedCount < eventCount && performance.now() < untilMs) {
    track(BURST_COUNT, untilMs);
    await sleep(BURST_EVERY_MS);
  }
}

/** All in one tick. */
function tick({ eventCount, untilMs }) {
  track(eventCount, untilMs);
}

/**
 * @param {number} eventCount
 * @param {number} untilMs By performance.now; what is left then is not tracked.
 */
function track(eventCount, untilMs) {
  for (let done = 0; done < eventCount; done += 1) {
    if (done % CHECK_EVERY_COUNT === 0 && performance.now() > untilMs) return;
    client.track(messages[trackedCount % BURST_COUNT]);
    trackedCount += 1;
  }
}
