import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { answer } from '../answers.mjs';
import { median } from '../stats.mjs';

/** A process: commits of the log beside as many bytes written and synced, in turns. */

const EVENT_BYTES = 600;
const TURNS = 10;

answer({
  /** One commit at a time, so that each has its own sync. */
  async commits({ bundle, dir, eventsPerCommit, commitCount }) {
    const { openSegmentLog } = await import(bundle);
    await mkdir(dir, { recursive: true });
    const log = await openSegmentLog({ dir: join(dir, `log-${eventsPerCommit}`) });
    const raw = await open(join(dir, `raw-${eventsPerCommit}`), 'w');
    let nextId = 0;
    const ours = [];
    const floor = [];
    for (let turn = 0; turn < TURNS; turn += 1) {
      const commits = Array.from({ length: commitCount }, () =>
        Array.from({ length: eventsPerCommit }, () => eventOf(nextId++)),
      );
      const bytes = commits.map((events) => Buffer.concat(events.map(({ json }) => json)));
      const rawMs = performance.now();
      for (const each of bytes) {
        await raw.write(each);
        await raw.datasync();
      }
      floor.push((performance.now() - rawMs) / commitCount);
      const logMs = performance.now();
      for (const events of commits) await log.append(events);
      ours.push((performance.now() - logMs) / commitCount);
    }
    await raw.close();
    await log.close();
    const ratios = ours.map((ms, turn) => floor[turn] / ms).toSorted((a, b) => a - b);
    return {
      eventsPerCommit,
      floorMs: median(floor),
      oursMs: median(ours),
      ratio: median(ratios),
      lowest: ratios[0],
      highest: ratios.at(-1),
    };
  },
});

function eventOf(i) {
  const messageId = `node-${String(i).padStart(36, '0')}`;
  const json = Buffer.from(JSON.stringify({ type: 'track', event: 'Bench', messageId, note: '' }));
  const filled = Buffer.concat([
    json.subarray(0, -2),
    Buffer.alloc(EVENT_BYTES - json.length, 'x'),
    json.subarray(-2),
  ]);
  return { sourceId: 'web', messageId, receivedAtMs: 1_767_225_600_000 + i, flags: 0, json: filled };
}
