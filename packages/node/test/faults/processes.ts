import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Ended } from './fault.ts';
import type { ProgramReport, ProgramSettings } from './program.ts';

const PROGRAM = fileURLToPath(new URL('program.cjs', import.meta.url));
/** Past every bound of the matrix: who is not gone by then hangs. */
const HANGS_AFTER_MS = 60_000;

export interface Watch {
  /** Killed so long after its first tick. */
  killedAtMs?: number | undefined;
  /** A program that flushes when told is told then. */
  until?: (() => Promise<unknown>) | undefined;
}

/** Runs the program until it has ended. */
export function run(settings: ProgramSettings, { killedAtMs, until }: Watch = {}): Promise<Ended> {
  const startedMs = performance.now();
  const child = spawn(process.execPath, [PROGRAM, JSON.stringify(settings)], { timeout: HANGS_AFTER_MS });
  let killing: NodeJS.Timeout | undefined;
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
    if (killedAtMs !== undefined) killing ??= setTimeout(() => child.kill('SIGKILL'), killedAtMs);
  });
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  if (until) void until().then(() => child.stdin.end());
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exitCode) => {
      clearTimeout(killing);
      const endedAfterMs = performance.now() - startedMs;
      const { called, ...report } = reportIn(stdout);
      const { delivered: _, ...reported } = called;
      resolve({
        trackedCount: Math.max(0, ...stdout.split('\n').filter(Boolean).map(Number).filter(Number.isFinite)),
        reported,
        handled: report.handled,
        flushRejects: report.flushRejects,
        memoryMb: report.memoryMb,
        exitCode,
        stderr,
        endedAfterMs,
      });
    });
  });
}

function reportIn(stdout: string): ProgramReport {
  const line = stdout.split('\n').find((text) => text.startsWith('{'));
  return line ? (JSON.parse(line) as ProgramReport) : { called: {}, handled: [], memoryMb: 0 };
}

/** Of several processes, as if they had been one. */
export function together(all: readonly Ended[]): Ended {
  const reported: Record<string, number> = {};
  for (const one of all) {
    for (const [code, count] of Object.entries(one.reported)) reported[code] = (reported[code] ?? 0) + count;
  }
  return {
    trackedCount: all.reduce((sum, { trackedCount }) => sum + trackedCount, 0),
    reported,
    handled: [...new Set(all.flatMap(({ handled }) => handled))].toSorted(),
    flushRejects: all.find(({ flushRejects }) => flushRejects)?.flushRejects,
    // Of the last one, which nobody kills.
    exitCode: all.at(-1)!.exitCode,
    stderr: all.map(({ stderr }) => stderr).join(''),
    endedAfterMs: Math.max(...all.map(({ endedAfterMs }) => endedAfterMs)),
    memoryMb: Math.max(...all.map(({ memoryMb }) => memoryMb)),
  };
}
