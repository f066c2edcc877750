import { mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { answer } from '../answers.mjs';

/** A process: a log with events that differ, the index of its sealed ranges, and searches of both. */

const BATCH_COUNT = 1_000;
const USER_COUNT = 100_000;
const LOOK_COUNT = 20;
const never = new AbortController().signal;
const noPause = { nowMs: () => Date.now(), sleep: () => new Promise((resolve) => setImmediate(resolve)) };
const START_MS = Date.UTC(2026, 0, 1);
const FILLER = 'x'.repeat(240);

answer({
  async search({ bundle, dir, eventCount }) {
    const { IndexBuilder, createLogSearch, openIndexFolder, openSegmentLog, openSegmentReader } =
      await import(bundle);
    await mkdir(dir, { recursive: true });
    const logDir = join(dir, 'log');
    const log = await openSegmentLog({ dir: logDir });
    for (let first = 0; first < eventCount; first += BATCH_COUNT) {
      await log.append(Array.from({ length: BATCH_COUNT }, (_, i) => eventOf(first + i)));
    }
    const durableEnds = log.durableEnds;
    await log.dedupeIdle();
    await log.close();

    const reader = openSegmentReader({ dir: logDir, durableEnds });
    const ranges = await reader.ranges(0);
    const sealedCount = ranges.at(-1).from;
    const builder = new IndexBuilder({ dir: join(dir, 'index'), reader, clock: noPause, logger: console });
    builder.setDurableEnds(durableEnds);
    const startedMs = performance.now();
    const startedCpu = process.cpuUsage();
    await builder.catchUp();
    const buildMs = performance.now() - startedMs;
    const { user, system } = process.cpuUsage(startedCpu);
    await reader.close();
    const names = await readdir(join(dir, 'index'));
    const sizes = await Promise.all(names.map(async (name) => (await stat(join(dir, 'index', name))).size));

    // What is sealed, alone: the newest range has its index in the server's memory.
    const ends = { 0: sealedCount };
    const searchReader = openSegmentReader({ dir: logDir, durableEnds });
    const search = createLogSearch({
      reader: searchReader,
      bounds: () => ({ durableEnds, starts: {} }),
      folder: openIndexFolder({
        dir: join(dir, 'index'),
        onUnusable: (_, error) => {
          throw error;
        },
      }),
      clock: noPause,
    });
    const timed = async (queryOf, limit) => {
      const times = [];
      for (let i = 0; i < LOOK_COUNT; i += 1) {
        const lookMs = performance.now();
        await search.find(
          queryOf(Math.floor(((i + 0.5) * sealedCount) / LOOK_COUNT)),
          { limit, before: ends },
          never,
        );
        times.push(performance.now() - lookMs);
      }
      return {
        firstMs: times[0],
        medianMs: times.toSorted((a, b) => a - b)[LOOK_COUNT / 2],
        maxMs: Math.max(...times),
      };
    };
    const looks = {
      unknown: await timed((i) => ({ messageId: `none-${i}` }), 20),
      messageIdCold: await timed((i) => ({ messageId: `message-${i}` }), 20),
      messageId: await timed((i) => ({ messageId: `message-${i}` }), 20),
      userId: await timed((i) => ({ userId: `user-${i % USER_COUNT}` }), 20),
      eventAndTime: await timed(
        (i) => ({ event: 'Event 7', fromMs: START_MS + i, toMs: START_MS + i + 20_000 }),
        50,
      ),
    };
    const textMs = performance.now();
    let before = ends;
    let pageCount = 0;
    while (before && pageCount < 5) {
      ({ next: before } = await search.find({ text: 'stands nowhere' }, { limit: 50, before }, never));
      pageCount += 1;
    }
    const textSeconds = (performance.now() - textMs) / 1_000;
    await searchReader.close();
    return {
      eventCount,
      sealedCount,
      fileCount: names.length,
      buildMsPerMillion: (buildMs / sealedCount) * 1e6,
      buildCpuUs: (user + system) / sealedCount,
      bytesPerEvent: sizes.reduce((sum, size) => sum + size, 0) / sealedCount,
      looks,
      textPerSecond: (sealedCount - (before?.[0] ?? 0)) / textSeconds,
    };
  },
});

function eventOf(i) {
  const user = (i * 7_919) % USER_COUNT;
  const json = Buffer.from(
    JSON.stringify({
      type: 'track',
      event: `Event ${(i * 31) % 50}`,
      userId: `user-${user}`,
      anonymousId: `anonymous-${user}-of-a-browser`,
      messageId: `message-${i}`,
      timestamp: new Date(START_MS + i).toISOString(),
      properties: { order: i, total: i % 977, currency: 'EUR', coupon: null, note: FILLER },
      context: { library: { name: 'bench', version: '1.0.0' }, ip: '192.0.2.1' },
    }),
  );
  return { sourceId: 'web', messageId: `message-${i}`, receivedAtMs: START_MS + i, flags: 0, json };
}
