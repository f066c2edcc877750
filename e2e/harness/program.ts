import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { vi } from 'vitest';

export interface ProgramExit {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** A program of a user's, running. */
export interface Program {
  /** Resolves with the first match in stdout; rejects when the program ends without one. */
  printed(pattern: RegExp): Promise<RegExpExecArray>;
  /** Resolves once the kernel has stopped it, as SIGSTOP asks. */
  stopped(): Promise<void>;
  write(line: string): void;
  kill(signal: NodeJS.Signals): void;
  exit: Promise<ProgramExit>;
}

/** Node with a file and its arguments. Whatever it does, it does not outlive the time of a test. */
export function startProgram(args: string[], env: Record<string, string>): Program {
  const child: ChildProcess = spawn(process.execPath, args, {
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: 30_000,
    killSignal: 'SIGKILL',
  });
  const output = { stdout: '', stderr: '' };
  child.stdout!.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()));
  child.stderr!.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()));
  const exit = once(child, 'close').then(([code, signal]: unknown[]) => ({
    code: code as number | null,
    signal: signal as NodeJS.Signals | null,
    ...output,
  }));
  return {
    printed: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const match = pattern.exec(output.stdout);
          if (match) resolve(match);
        };
        look();
        child.stdout!.on('data', look);
        void exit.then(({ code, stderr }) =>
          reject(new Error(`ended with ${code} before it printed ${pattern}:\n${stderr}`)),
        );
      }),
    stopped: () =>
      vi.waitFor(async () => {
        const stat = await readFile(`/proc/${child.pid}/stat`, 'utf8');
        // After the name, which is in brackets and may hold anything.
        const state = stat.slice(stat.lastIndexOf(')') + 2)[0];
        if (state !== 'T') throw new Error(`the process is in state ${state}`);
      }),
    write: (line) => void child.stdin!.write(`${line}\n`),
    kill: (signal) => void child.kill(signal),
    exit,
  };
}
