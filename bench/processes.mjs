import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, closeSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Where a process leaves what it prints, and its profile when one is asked for.
 * @typedef {{ dir: string, profileDir: string | undefined }} Room
 */

/** Time to write a profile, after which a process that was told to end is killed. */
const END_GRACE_MS = 15_000;

/** Processes of ours that live; none outlives the run. */
const alive = new Set();
process.on('exit', () => {
  for (const child of alive) child.kill('SIGKILL');
});

/**
 * A child of the bench, which answers questions by `answers.mjs`.
 * @param {string} entry Path below bench/.
 * @param {string} label Names its output and its profile.
 * @param {Room} room
 */
export function startChild(entry, label, room) {
  const { child, lastWords } = launch(label, room, (stdio, env) =>
    fork(new URL(entry, import.meta.url), [], { stdio: ['ignore', ...stdio, 'ipc'], env }),
  );
  const waiting = new Map();
  let lastId = 0;
  child.on('message', ({ id, reply, error }) => {
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) resolve(reply);
    else reject(new Error(`${label}: ${error}`));
  });
  child.on('exit', (code, signal) => {
    for (const { reject } of waiting.values()) {
      reject(new Error(`${label} ended with ${signal ?? code}: ${lastWords()}`));
    }
  });

  return {
    pid: child.pid,
    /**
     * @param {string} type
     * @param {object} [question]
     * @returns {Promise<any>} Rejects when the child throws or ends.
     */
    ask(type, question = {}) {
      if (child.exitCode !== null || child.signalCode !== null) {
        return Promise.reject(new Error(`${label} has ended: ${lastWords()}`));
      }
      const answer = new Promise((resolve, reject) => waiting.set(++lastId, { resolve, reject }));
      child.send({ id: lastId, type, question });
      return answer;
    },
    /** By a closed channel, at which a child that listens exits. */
    async end() {
      if (child.connected) child.disconnect();
      await ended(child);
    },
    async kill() {
      child.kill('SIGKILL');
      await ended(child);
    },
  };
}

/** @typedef {ReturnType<typeof startChild>} Child */

/**
 * A program that is left to end by itself.
 * @param {{ entry: string, args: string[], label: string, room: Room, limitMs: number }} program
 * @returns {Promise<number | undefined>} Milliseconds from its first message until it was gone; undefined when it
 *   took longer than the limit and was killed.
 */
export async function runToItsEnd({ entry, args, label, room, limitMs }) {
  const { child, lastWords } = launch(label, room, (stdio, env) =>
    fork(new URL(entry, import.meta.url), args, { stdio: ['ignore', ...stdio, 'ipc'], env }),
  );
  let toldMs = NaN;
  child.once('message', () => {
    toldMs = performance.now();
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), limitMs);
  const [code, signal] = await once(child, 'exit');
  const heldMs = performance.now() - toldMs;
  clearTimeout(timer);
  if (signal === 'SIGKILL') return undefined;
  if (code !== 0 || Number.isNaN(heldMs))
    throw new Error(`${label} ended with ${signal ?? code}: ${lastWords()}`);
  return heldMs;
}

/**
 * `millrace start` in a folder that holds its config, on free ports.
 * @param {string} dir
 * @param {string} label
 * @param {Room} room
 */
export async function startMillrace(dir, label, room) {
  const bin = fileURLToPath(new URL('../packages/server/bin/millrace.js', import.meta.url));
  const { child, lastWords } = launch(label, room, (stdio, env) =>
    spawn(process.execPath, [bin, 'start', '--port', '0', '--console-port', '0'], {
      cwd: dir,
      stdio: ['ignore', 'pipe', stdio[1]],
      env: { ...env, MILLRACE_LOG_LEVEL: 'warn' },
    }),
  );
  const url = await new Promise((resolve, reject) => {
    let printed = '';
    child.stdout.on('data', (chunk) => {
      printed += chunk;
      const ready = /^ready tracking=(\S+)/m.exec(printed);
      if (ready) resolve(ready[1]);
    });
    child.on('exit', (code) => reject(new Error(`millrace ended with ${code} before ready: ${lastWords()}`)));
  });
  return {
    url: String(url),
    pid: child.pid,
    routerPid: childOf(child.pid),
    async end() {
      child.kill('SIGTERM');
      await ended(child);
    },
  };
}

/**
 * CPU that a process with all its threads has used, from /proc/<pid>/stat, in units of 10 ms.
 * @param {number} pid
 * @returns {number} Microseconds.
 */
export function cpuUsOf(pid) {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name, in parentheses, may hold spaces. Then proc(5)'s fields 3 and on; 14 and 15 are utime and stime.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  // USER_HZ is 100 on every Linux that Node runs on.
  return ticks * 10_000;
}

/**
 * @param {string} label
 * @param {Room} room
 * @param {(stdio: [number, number], env: NodeJS.ProcessEnv) => import('node:child_process').ChildProcess} start
 */
function launch(label, { dir, profileDir }, start) {
  const printedTo = join(dir, `${label}.log`);
  const file = openSync(printedTo, 'a');
  // Not the flag --cpu-prof: NODE_OPTIONS does not take it, and millrace's router inherits nothing else.
  const profile = profileDir && {
    NODE_OPTIONS: `--import=${new URL('profile.mjs', import.meta.url).href}`,
    BENCH_PROFILE: join(profileDir, label),
  };
  const child = start([file, file], { ...process.env, ...profile });
  closeSync(file);
  alive.add(child);
  child.on('exit', () => alive.delete(child));
  return {
    child,
    lastWords: () => readFileSync(printedTo, 'utf8').trim().slice(-2_000) || 'it printed nothing',
  };
}

/** @param {import('node:child_process').ChildProcess} child */
async function ended(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const timer = setTimeout(() => child.kill('SIGKILL'), END_GRACE_MS);
  await once(child, 'exit');
  clearTimeout(timer);
}

/** @param {number} pid */
function childOf(pid) {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
  if (!children[0]) throw new Error('millrace has no router process');
  return Number(children[0]);
}
