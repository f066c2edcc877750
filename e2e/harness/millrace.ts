import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile, readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';

/** The command as a user runs it: the committed bin, which imports the build. */
export const BIN = fileURLToPath(new URL('../../packages/server/bin/millrace.js', import.meta.url));

export interface MillraceOptions {
  mode?: 'dev' | 'start';
  /** Working folder; a config file there is found, and data goes to `.millrace` in it. */
  dir: string;
  args?: string[];
  env?: Record<string, string>;
}

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** A running `millrace`, spawned as a real process on free ports. */
export interface Millrace {
  trackingUrl: string;
  consoleUrl: string;
  dataDir: string;
  pid: number;
  routerPid(): Promise<number>;
  /** All of stderr so far. */
  stderr(): string;
  kill(signal: NodeJS.Signals): void;
  exit: Promise<Exit>;
  /** SIGTERM, and the exit that follows. */
  stop(): Promise<Exit>;
}

/** Runs a command that is expected to end by itself. */
export async function runMillrace(options: MillraceOptions): Promise<Exit> {
  return start(options).exit;
}

/** Resolves with the `ready` line; rejects with what was printed when the process ends before it. */
export async function startMillrace(options: MillraceOptions): Promise<Millrace> {
  const { child, output, exit } = start(options);
  const ready = await new Promise<RegExpExecArray>((resolve, reject) => {
    child.stdout!.on('data', () => {
      const line = /^ready tracking=(\S+) console=(\S+)$/m.exec(output.stdout);
      if (line) resolve(line);
    });
    void exit.then(({ code, stderr }) =>
      reject(new Error(`millrace ended with ${code} before ready:\n${stderr}`)),
    );
  });
  const dataDir = join(options.dir, '.millrace');
  return {
    trackingUrl: ready[1]!,
    consoleUrl: ready[2]!,
    dataDir,
    pid: child.pid!,
    routerPid: () => childOf(child.pid!),
    stderr: () => output.stderr,
    kill: (signal) => void child.kill(signal),
    exit,
    stop: () => {
      child.kill('SIGTERM');
      return exit;
    },
  };
}

function start({ mode = 'dev', dir, args = [], env = {} }: MillraceOptions): {
  child: ChildProcess;
  output: { stdout: string; stderr: string };
  exit: Promise<Exit>;
} {
  const child = spawn(process.execPath, [BIN, mode, '--port', '0', '--console-port', '0', ...args], {
    cwd: dir,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()));
  const exit = once(child, 'close').then(([code, signal]: unknown[]) => ({
    code: code as number | null,
    signal: signal as NodeJS.Signals | null,
    ...output,
  }));
  return { child, output, exit };
}

/** The router's process id, from the kernel: the one child of the server that is alive. */
async function childOf(pid: number): Promise<number> {
  const tasks = await readdir(`/proc/${pid}/task`);
  for (const task of tasks) {
    const children = await readFile(`/proc/${pid}/task/${task}/children`, 'utf8');
    const first = children.trim().split(' ')[0];
    if (first) return Number(first);
  }
  throw new Error(`process ${pid} has no child`);
}
