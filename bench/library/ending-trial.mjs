import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { runToItsEnd } from '../processes.mjs';

/**
 * @typedef {object} EndingTrial
 * @property {number | undefined} heldMs From the last call until the process was gone; undefined when it had to be killed.
 * @property {number} eventCount Tracked.
 * @property {number} deliveredCount By distinct id, when the process was gone.
 */

/**
 * One contender in a program that ends without a flush.
 * @param {{ contender: string, eventCount: number, limitMs: number, sink: import('./trial.mjs').Sink,
 *   room: import('../processes.mjs').Room }} trial
 * @returns {Promise<EndingTrial>}
 */
export async function runEndingTrial({ contender, eventCount, limitMs, sink, room }) {
  await sink.reset();
  const heldMs = await runToItsEnd({
    entry: 'library/ending.mjs',
    args: [contender, sink.url, await mkdtemp(join(room.dir, 's-')), String(eventCount)],
    label: `library-${contender}-ending`,
    room,
    limitMs,
  });
  const { distinctCount } = await sink.counts();
  return { heldMs, eventCount, deliveredCount: distinctCount };
}
