import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startChild } from '../processes.mjs';

/** In as many turns of the loop the events are tracked; what the last of them tracked may be lost. */
const TURN_COUNT = 100;
/** After the restart, how long nothing may arrive before the rest counts as lost. */
const QUIET_MS = 2_000;
const POLL_MS = 20;

/**
 * @typedef {object} CrashTrial
 * @property {number} eventCount Tracked before the kill.
 * @property {number} deliveredCount By distinct id, by the process that was started after it.
 */

/**
 * One contender, killed with SIGKILL while the server is away, and started again when it is back.
 * @param {{ contender: string, eventCount: number, sink: import('./trial.mjs').Sink,
 *   room: import('../processes.mjs').Room }} trial
 * @returns {Promise<CrashTrial>}
 */
export async function runCrashTrial({ contender, eventCount, sink, room }) {
  const dir = await mkdtemp(join(room.dir, 's-'));
  const question = { contender, host: sink.url, dir, eventCount, turnCount: TURN_COUNT };
  const label = `library-${contender}-crash`;
  await sink.leave();
  const doomed = startChild('library/crash.mjs', label, room);
  // Its answer is its end.
  await doomed.ask('crash', question).catch(() => {});
  await doomed.kill();

  await sink.reset();
  await sink.comeBack();
  const next = startChild('library/crash.mjs', label, room);
  try {
    await next.ask('restart', question);
    for (;;) {
      const { distinctCount, quietMs } = await sink.counts();
      if (distinctCount === eventCount || quietMs > QUIET_MS)
        return { eventCount, deliveredCount: distinctCount };
      await sleep(POLL_MS);
    }
  } finally {
    await next.kill();
  }
}
