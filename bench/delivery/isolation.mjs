import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';
import { startChild, startMillrace } from '../processes.mjs';
import { HEADERS, configJson } from '../server/target-config.mjs';
import { median, percentile } from '../stats.mjs';
import { number, table, times } from '../table.mjs';

/** Nobody listens there. */
const DEAD_URL = 'http://127.0.0.1:1/dead';

/**
 * What one dead and one slow destination cost a sound one: from the call to its arrival there, alone and beside them, in rounds
 * that take turns in who goes first. Each trial has a server of its own.
 * @param {{ sizes: import('../options.mjs').Sizes['delivery']['isolation'], room: import('../processes.mjs').Room,
 *   progress: (words: string) => void }} run
 */
export async function measureIsolation({ sizes, room, progress }) {
  const receiver = startChild('delivery/latency-receiver.mjs', 'latency-receiver', {
    ...room,
    profileDir: undefined,
  });
  const rounds = [];
  try {
    const url = `http://127.0.0.1:${await receiver.ask('listen')}`;
    for (let round = 0; round < sizes.rounds; round += 1) {
      progress(`isolation, round ${round + 1} of ${sizes.rounds}`);
      const order = round % 2 === 0 ? ['alone', 'beside'] : ['beside', 'alone'];
      const found = {};
      for (const name of order) found[name] = await trial({ name, url, receiver, sizes, room });
      rounds.push(found);
    }
  } finally {
    await receiver.end();
  }
  const ratios = rounds.map(({ alone, beside }) => beside.p50 / alone.p50);
  const summary = {
    rounds,
    medianRatio: median(ratios),
    lowestRatio: Math.min(...ratios),
    highestRatio: Math.max(...ratios),
  };
  return { ...summary, table: tableOf(summary) };
}

const hook = (id, url) => ({ kind: 'webhook', id, settings: { url } });

async function trial({ name, url, receiver, sizes, room }) {
  const { eventCount, eventsPerSecond, warmUpCount, limitMs } = sizes;
  const dir = await mkdtemp(join(room.dir, 'isolation-'));
  const destinations = [hook('sound', `${url}/sound`)];
  if (name === 'beside') destinations.push(hook('dead', DEAD_URL), hook('slow', `${url}/slow`));
  await writeFile(join(dir, 'millrace.config.json'), configJson(destinations));
  const server = await startMillrace(dir, `isolation-${name}`, room);
  const pool = new Pool(server.url, { connections: 8 });
  try {
    const send = async (count) => {
      await receiver.ask('reset');
      await sendAtRate(pool, count, eventsPerSecond);
      return receiver.ask('take', { expectedCount: count, limitMs });
    };
    await send(warmUpCount);
    const latencies = await send(eventCount);
    return {
      arrivedCount: latencies.length,
      p50: percentile(latencies, 50),
      p99: percentile(latencies, 99),
    };
  } finally {
    await pool.close();
    await server.end();
    await rm(dir, { recursive: true, force: true });
  }
}

/** Open loop: each call at its time, whatever became of the ones before. */
async function sendAtRate(pool, count, eventsPerSecond) {
  const startMs = performance.now();
  const calls = [];
  for (let sent = 0; sent < count; sent += 1) {
    const waitMs = startMs + (sent * 1_000) / eventsPerSecond - performance.now();
    if (waitMs > 0) await sleep(waitMs);
    calls.push(track(pool, sent));
  }
  await Promise.all(calls);
}

async function track(pool, n) {
  const sentAtMs = performance.timeOrigin + performance.now();
  const { statusCode, body } = await pool.request({
    path: '/v1/track',
    method: 'POST',
    headers: HEADERS,
    body: JSON.stringify({
      type: 'track',
      event: 'Bench',
      userId: `user-${n % 50}`,
      properties: { sentAtMs },
    }),
  });
  await body.dump();
  if (statusCode !== 200) throw new Error(`millrace answered ${statusCode}`);
}

function tableOf({ rounds, medianRatio, lowestRatio, highestRatio }) {
  const row = (name, read) => [
    name,
    number(median(rounds.map((round) => read(round).p50))),
    number(median(rounds.map((round) => read(round).p99))),
  ];
  const spread = `median of the rounds' ratios of p50: ${times(medianRatio)} (from ${times(lowestRatio)} to ${times(highestRatio)})\n`;
  return `${table(
    'A sound webhook, alone and beside one that is dead and one that takes 2 s: from the call to its arrival, ms, medians of the rounds',
    ['', 'p50', 'p99'],
    [row('alone', ({ alone }) => alone), row('beside the two', ({ beside }) => beside)],
  )}\n${spread}`;
}
