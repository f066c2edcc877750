import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Fault, Outcome } from './fault.ts';
import { startFaultServer, type FaultServer } from './fault-server.ts';
import { startFullBacklog } from './full-backlog.ts';
import { DEFAULT_PROGRAM, type ProgramReport, type ProgramSettings } from './program.ts';

const PROGRAM = fileURLToPath(new URL('program.cjs', import.meta.url));
/** Past every bound of the matrix: who is not gone by then hangs. */
const HANGS_AFTER_MS = 30_000;
const NOTHING_SAID = JSON.stringify({ called: {}, handled: [], memoryMb: Number.NaN });

/** Lets the fault happen to a process of its own, and counts at both ends. */
export async function measure({ server: behaviour, program }: Fault): Promise<Outcome> {
  const server =
    behaviour === 'backlog full'
      ? { ...(await startFullBacklog()), taken: new Map<string, string[]>() }
      : await startFaultServer(behaviour);
  try {
    const settings = { ...DEFAULT_PROGRAM, host: server.host, ...program };
    // By a name, so that it must be looked up.
    if (settings.lookupFailsForMs > 0) settings.host = settings.host.replace('127.0.0.1', 'segment.invalid');
    return { ...(await run(settings)), ...countOf(server.taken, settings.eventCount) };
  } finally {
    server.close();
  }
}

type Counts = Pick<Outcome, 'deliveredCount' | 'lostCount' | 'duplicateCount' | 'messageIdCount'>;

function run(settings: ProgramSettings): Promise<Omit<Outcome, keyof Counts>> {
  const startedMs = performance.now();
  const child = spawn(process.execPath, [PROGRAM, JSON.stringify(settings)], { timeout: HANGS_AFTER_MS });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exitCode) => {
      const endedAfterMs = performance.now() - startedMs;
      const { called, handled, flushRejects, memoryMb } = JSON.parse(stdout || NOTHING_SAID) as ProgramReport;
      const { delivered: _, ...reported } = called;
      resolve({
        reported,
        handled: handled.toSorted(),
        flushRejects,
        memoryMb,
        exitCode,
        stderr,
        endedAfterMs,
      });
    });
  });
}

function countOf(taken: FaultServer['taken'], eventCount: number): Counts {
  const ids = [...taken.values()].flat();
  return {
    deliveredCount: taken.size,
    lostCount: eventCount - taken.size,
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
