import { setTimeout as sleep } from 'node:timers/promises';
import type { Ended, Fault, Outcome, Phase } from './fault.ts';
import { freePort, startFaultServer, type Taken } from './fault-server.ts';
import { startFullBacklog } from './full-backlog.ts';
import { run, together, type Watch } from './processes.ts';
import { DEFAULT_PROGRAM, type ProgramSettings } from './program.ts';
import { makeSpoolFolder } from './spool-folder.ts';

/** For what a process left behind to be sent by the next one. */
const ARRIVES_WITHIN_MS = 15_000;
const LOOK_EVERY_MS = 20;

/** Lets the fault happen to a process of its own, and counts at both ends. */
export async function measure({ spool, killedAtMs = [], restart, ...first }: Fault): Promise<Outcome> {
  const taken: Taken = new Map();
  // A spool keeps events for the server that they were tracked for.
  const port = await freePort();
  const folder = spool && makeSpoolFolder(spool);
  const options = folder ? { spool: { dir: folder.dir } } : {};
  try {
    const ended = await runPhase(
      first,
      { taken, port, options },
      killedAtMs.length > 0 ? killsAt(killedAtMs) : [{}],
    );
    const left = together(ended).trackedCount;
    if (restart) {
      ended.push(
        ...(await runPhase(restart, { taken, port, options }, [{ until: () => arrived(taken, left) }])),
      );
    }
    return { ...together(ended), ...countOf(taken, together(ended).trackedCount) };
  } finally {
    folder?.remove();
  }
}

const killsAt = (times: readonly number[]): Watch[] => times.map((killedAtMs) => ({ killedAtMs }));

/** What the processes of a row share. */
interface Row {
  taken: Taken;
  port: number;
  /** Of the client. */
  options: object;
}

/** One process after the other, each watched as its entry says. */
async function runPhase(
  { server: behaviour, program = {} }: Phase,
  { taken, port, options }: Row,
  watches: readonly Watch[],
): Promise<Ended[]> {
  const server =
    behaviour === 'backlog full' ? await startFullBacklog() : await startFaultServer(behaviour, taken, port);
  const ended: Ended[] = [];
  try {
    for (const [place, watch] of watches.entries()) {
      const settings: ProgramSettings = {
        ...DEFAULT_PROGRAM,
        host: server.host,
        prefix: `e${place}-`,
        ...program,
        options: { ...options, ...program.options },
      };
      // By a name, so that it must be looked up.
      if (settings.lookupFailsForMs > 0)
        settings.host = settings.host.replace('127.0.0.1', 'segment.invalid');
      ended.push(await run(settings, watch));
    }
  } finally {
    server.close();
  }
  return ended;
}

async function arrived(taken: Taken, count: number): Promise<void> {
  const startedMs = performance.now();
  while (taken.size < count && performance.now() - startedMs < ARRIVES_WITHIN_MS) await sleep(LOOK_EVERY_MS);
}

function countOf(
  taken: Taken,
  trackedCount: number,
): Pick<Outcome, 'deliveredCount' | 'lostCount' | 'duplicateCount' | 'messageIdCount'> {
  const ids = [...taken.values()].flat();
  return {
    deliveredCount: taken.size,
    // A kill may come between the end of a tick and the word of it, so more may be delivered than we know of.
    lostCount: Math.max(0, trackedCount - taken.size),
    duplicateCount: ids.length - taken.size,
    messageIdCount: new Set(ids).size,
  };
}

/** A few at once: they wait more than they work. */
export async function measureAll(faults: readonly Fault[]): Promise<Map<Fault, Outcome>> {
  const outcomes = new Map<Fault, Outcome>();
  const waiting = [...faults];
  const next = async (): Promise<void> => {
    for (let fault = waiting.shift(); fault; fault = waiting.shift()) {
      outcomes.set(fault, await measure(fault));
    }
  };
  await Promise.all([next(), next(), next()]);
  return outcomes;
}
