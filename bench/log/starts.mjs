import { stat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { answer } from '../answers.mjs';

/** A process: a log that is filled, or one that is opened, as a server does at its start. */

const BATCH_COUNT = 500;
const EVENT_BYTES = 600;

answer({
  async fill({ bundle, dir, eventCount }) {
    const { openSegmentLog } = await import(bundle);
    const log = await openSegmentLog({ dir: join(dir, 'log') });
    const json = Buffer.alloc(EVENT_BYTES, ' ');
    let lastSealedEnd = 0;
    log.onSealed((range) => (lastSealedEnd = range.to));
    let nextId = 0;
    const batch = () =>
      Array.from({ length: BATCH_COUNT }, () => ({
        sourceId: 'web',
        messageId: `message-${nextId++}`,
        receivedAtMs: Date.now(),
        flags: 0,
        json,
      }));
    for (let written = 0; written < eventCount; written += 2 * BATCH_COUNT) {
      await Promise.all([log.append(batch()), log.append(batch())]);
    }
    await log.dedupeIdle();
    await log.close();
    const names = await readdir(join(dir, 'log'));
    const sizes = await Promise.all(names.map(async (name) => (await stat(join(dir, 'log', name))).size));
    return {
      eventCount: nextId,
      rangeCount: names.length,
      bytes: sizes.reduce((sum, size) => sum + size, 0),
      activeCount: nextId - lastSealedEnd,
    };
  },
  async open({ bundle, dir }) {
    const { openSegmentLog } = await import(bundle);
    const startedMs = performance.now();
    const log = await openSegmentLog({ dir: join(dir, 'log') });
    const elapsedMs = performance.now() - startedMs;
    const { hashCount, runCount } = log.dedupe;
    await log.dedupeIdle();
    await log.close();
    return { elapsedMs, hashCount, runCount };
  },
});
