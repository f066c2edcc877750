import { fork, type ChildProcess } from 'node:child_process';
import type { Clock } from '../clock.ts';
import type { DeadChange, DeadSelection } from '../ledger/dead-letters.ts';
import type { DurableEnds, EventLog, LogStarts, Needs, Partition, Position } from '../log/log.ts';
import type { RouterLogger } from './describe-error.ts';
import { durableSender } from './durable-sender.ts';
import type { DestinationStatus, ToRouter, ToServer } from './ipc.ts';
import { Requests, RouterUnavailableError } from './requests.ts';

export interface RouterProcessOptions {
  /** The child's entry file. */
  entry: string | URL;
  dataDir: string;
  configFile: string | undefined;
  logLevel: string;
  log: Pick<EventLog, 'durableEnds' | 'starts' | 'onDurable'>;
  clock: Clock;
  logger: RouterLogger;
  /** Aborted, it ends a start that is not ready yet; later it means nothing. */
  signal?: AbortSignal;
}

export interface RouterStatus {
  /** `failed`: the process has ended; another one is started after a while. */
  state: 'starting' | 'running' | 'failed';
  /** Why it failed; safe to show. */
  reason?: string;
  /** As last heard. */
  destinations: readonly DestinationStatus[];
}

export interface RouterProcess {
  status(): RouterStatus;
  /** What the enabled destinations still need, as last heard; undefined while no router runs that has said it. */
  needs(): Needs | undefined;
  /**
   * Up to where the log may be trimmed, at most to `before`. With `drop`, whoever needs it loses it.
   * @throws {RouterUnavailableError} No router runs, or it does not answer within a minute or before the signal: nothing more may
   * be trimmed.
   */
  release(partition: Partition, before: Position, drop: boolean, signal: AbortSignal): Promise<Position>;
  /** The log was trimmed; a router that is started later begins with it. */
  setStarts(starts: LogStarts): void;
  /**
   * Evaluates the config file in a process of its own, so that neither its code nor its mistakes touch what runs.
   * @throws {ConfigRefusedError} It cannot be used.
   */
  check(configFile: string): Promise<void>;
  /**
   * Has the router finish what is in flight, and starts another one, which evaluates the config file anew. Resolves when
   * that one is ready. The one before is killed after `timeoutMs`. One call at a time.
   * @throws {RouterStartError} It ended before it was ready; it is started again after a while.
   */
  replace(options: { timeoutMs: number }): Promise<void>;
  /**
   * As `Ledger.changeDead`, by the router, which alone writes the ledger.
   * @throws {RouterUnavailableError} None runs, or it does not answer within ten seconds.
   */
  changeDead(action: 'retry' | 'drop', selection: DeadSelection): Promise<DeadChange>;
  /**
   * Has the router finish what is in flight, and resolves when its process has ended; it is killed
   * after `timeoutMs`. Calls join. Never rejects.
   */
  stop(options: { timeoutMs: number }): Promise<void>;
}

/** The router ended before it was ready for the first time; the message is safe to show. */
export class RouterStartError extends Error {
  override readonly name = 'RouterStartError';
  readonly code = 'router_failed';
}

/** A config file cannot be used; the message is safe to show. */
export class ConfigRefusedError extends Error {
  override readonly name = 'ConfigRefusedError';
  readonly code = 'config_refused';
}

/** For a config whose code never ends. */
const CHECK_MAX_MS = 30_000;
const RESTART_MIN_MS = 100;
const RESTART_MAX_MS = 10_000;
/** A router that ran this long was sound: the next restart is quick again. */
const SOUND_AFTER_MS = 60_000;
/** To give up events, each destination that needs them is stopped before: 11 s at most. */
const RELEASE_TIMEOUT_MS = 60_000;
const ANSWER_TIMEOUT_MS = 10_000;

/** How long to wait after so many failures in a row, at least 1. */
export function restartDelayMs(failureCount: number): number {
  return Math.min(RESTART_MAX_MS, RESTART_MIN_MS * 2 ** (failureCount - 1));
}

/**
 * Starts the router as a child process and keeps one running until `stop`.
 * @throws {RouterStartError} The first one ended before it was ready.
 */
export async function startRouter(options: RouterProcessOptions): Promise<RouterProcess> {
  const { clock, log, logger } = options;
  const stopping = new AbortController();
  let status: RouterStatus = { state: 'starting', destinations: [] };
  let child: RunningChild | undefined;
  let needs: Needs | undefined;
  /** Aborted, it ends the router's pause between two, and an end is no failure; each launch has its own. */
  let hurry = new AbortController();
  let onLaunch: ((launched: RunningChild) => void) | undefined;

  const launch = (): RunningChild => {
    hurry = new AbortController();
    status = { state: 'starting', destinations: status.destinations };
    needs = undefined;
    child = forkRouter(options, (message) => {
      if (message.type === 'ready') status = { ...status, state: 'running' };
      if (message.type === 'status') status = { ...status, destinations: message.destinations };
      if (message.type === 'needs') needs = message.needs;
      if (message.type === 'failed') status = { ...status, reason: message.message };
    });
    onLaunch?.(child);
    return child;
  };

  const keepRunning = async (first: RunningChild): Promise<void> => {
    let current = first;
    let startedAtMs = clock.nowMs();
    let failureCount = 0;
    for (;;) {
      const exit = await current.exited;
      if (stopping.signal.aborted) return;
      needs = undefined;
      if (hurry.signal.aborted) {
        failureCount = 0;
      } else {
        status = { ...status, state: 'failed', reason: status.reason ?? exit };
        failureCount = clock.nowMs() - startedAtMs >= SOUND_AFTER_MS ? 1 : failureCount + 1;
        const delayMs = restartDelayMs(failureCount);
        logger.error({ exit, delayMs }, 'the router ended; restarting it');
        await clock.sleep(delayMs, AbortSignal.any([stopping.signal, hurry.signal]));
        if (stopping.signal.aborted) return;
      }
      startedAtMs = clock.nowMs();
      current = launch();
    }
  };

  const first = launch();
  // It may wait for another router's lock, or for what its config waits for; nothing is in flight yet.
  const abandon = (): void => first.kill();
  options.signal?.addEventListener('abort', abandon);
  if (options.signal?.aborted) abandon();
  const exitBeforeReady = await Promise.race([first.ready, first.exited]);
  options.signal?.removeEventListener('abort', abandon);
  if (exitBeforeReady !== undefined) throw new RouterStartError(status.reason ?? exitBeforeReady);
  const ended = keepRunning(first);
  const unsubscribe = log.onDurable((ends) => child?.setDurableEnds(ends));
  // A commit may have come between the fork and the subscription.
  first.setDurableEnds(log.durableEnds);

  /** Kills a router that does not stop in time. */
  const stopChild = async (stopped: RunningChild | undefined, timeoutMs: number): Promise<void> => {
    if (!stopped) return;
    stopped.stop();
    const done = new AbortController();
    void stopped.exited.then(() => done.abort());
    await clock.sleep(timeoutMs, done.signal);
    if (done.signal.aborted) return;
    logger.warn({ timeoutMs }, 'the router did not end in time and is killed');
    stopped.kill();
    await stopped.exited;
  };
  const replace = async (timeoutMs: number): Promise<void> => {
    const launched = new Promise<RunningChild>((resolve) => (onLaunch = resolve));
    hurry.abort();
    await stopChild(child, timeoutMs);
    const next = await Promise.race([launched, ended]);
    onLaunch = undefined;
    if (!next) return;
    const exit = await Promise.race([next.ready, next.exited]);
    if (exit !== undefined && !stopping.signal.aborted) throw new RouterStartError(status.reason ?? exit);
  };
  const end = async (timeoutMs: number): Promise<void> => {
    unsubscribe();
    stopping.abort();
    await stopChild(child, timeoutMs);
    await ended;
  };
  let stopped: Promise<void> | undefined;
  return {
    status: () => status,
    needs: () => needs,
    async release(partition, before, drop, signal) {
      if (!child) throw new RouterUnavailableError('the router is not running');
      return child.release(partition, before, drop, signal);
    },
    setStarts: (starts) => child?.setStarts(starts),
    check: (configFile) => checkInChild(options, configFile),
    replace: ({ timeoutMs }) => replace(timeoutMs),
    async changeDead(action, selection) {
      if (!child || status.state !== 'running') throw new RouterUnavailableError('the router is not running');
      return child.changeDead(action, selection);
    },
    stop: ({ timeoutMs }) => (stopped ??= end(timeoutMs)),
  };
}

interface RunningChild {
  ready: Promise<undefined>;
  /** Resolves with how it ended, in words. */
  exited: Promise<string>;
  setDurableEnds(ends: DurableEnds): void;
  setStarts(starts: LogStarts): void;
  release(partition: Partition, before: Position, drop: boolean, signal: AbortSignal): Promise<Position>;
  changeDead(action: 'retry' | 'drop', selection: DeadSelection): Promise<DeadChange>;
  stop(): void;
  kill(): void;
}

async function checkInChild(
  { entry, logLevel, clock }: RouterProcessOptions,
  configFile: string,
): Promise<void> {
  const child = forkEntry(entry);
  let said: ToServer | undefined;
  child.on('message', (message) => (said = message as ToServer));
  const done = new AbortController();
  const exited = exitOf(child).finally(() => done.abort());
  send(child, { type: 'check', configFile, logLevel });
  await clock.sleep(CHECK_MAX_MS, done.signal);
  if (!done.signal.aborted) {
    child.kill('SIGKILL');
    await exited;
    throw new ConfigRefusedError(`${configFile}: evaluating it took more than ${CHECK_MAX_MS / 1000} s`);
  }
  if (said?.type === 'checked') return;
  throw new ConfigRefusedError(said?.type === 'failed' ? said.message : await exited);
}

function forkEntry(entry: string | URL): ChildProcess {
  return fork(entry, [], {
    // Ours belong to the server: a debugger's port cannot be had twice.
    execArgv: [],
    env: withoutConsoleToken(process.env),
    // stdout is for the one line that says ready; whatever destinations print goes to stderr.
    stdio: ['ignore', 2, 2, 'ipc'],
  });
}

/** How a child ended, in words. */
function exitOf(child: ChildProcess): Promise<string> {
  return new Promise<string>((resolve) => {
    child.on('error', (error) => resolve(`the router could not be started: ${error.name}`));
    child.on('exit', (code, signal) => {
      const words = signal ? `the router was ended by ${signal}` : `the router ended with code ${code}`;
      // Its last words may still be in the channel.
      if (child.connected) child.once('disconnect', () => resolve(words));
      else resolve(words);
    });
  });
}

function forkRouter(options: RouterProcessOptions, onMessage: (message: ToServer) => void): RunningChild {
  const { entry, dataDir, configFile, logLevel, log, clock } = options;
  const child = forkEntry(entry);
  const sendEnds = durableSender((ends, sent) => send(child, { type: 'durable', ends }, sent), clock);
  const releases = new Requests<Position>({ clock, timeoutMs: RELEASE_TIMEOUT_MS });
  const changes = new Requests<DeadChange>({ clock, timeoutMs: ANSWER_TIMEOUT_MS });
  child.on('message', (message) => {
    const told = message as ToServer;
    if (told.type === 'released') releases.answered(told.id, told.before);
    if (told.type === 'changed') changes.answered(told.id, told.change);
    onMessage(told);
  });
  const ready = new Promise<undefined>((resolve) => {
    child.on('message', (message) => {
      if ((message as ToServer).type === 'ready') resolve(undefined);
    });
  });
  const exited = exitOf(child).finally(() => {
    releases.end();
    changes.end();
  });
  send(child, {
    type: 'start',
    dataDir,
    configFile,
    logLevel,
    durableEnds: log.durableEnds,
    starts: log.starts,
  });
  return {
    ready,
    exited,
    setDurableEnds: sendEnds,
    setStarts: (starts) => send(child, { type: 'starts', starts }),
    release: (partition, before, drop, signal) =>
      releases.ask((id) => send(child, { type: 'release', id, partition, before, drop }), signal),
    changeDead: (action, selection) =>
      changes.ask((id) => send(child, { type: 'changeDead', id, action, selection })),
    stop: () => send(child, { type: 'stop' }),
    kill: () => void child.kill('SIGKILL'),
  };
}

/** Destinations are outside code, and have no business with the console. */
function withoutConsoleToken(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { MILLRACE_CONSOLE_TOKEN: _, ...rest } = env;
  return rest;
}

/** That a child is gone shows in its exit; sending to it is no error of its own. */
function send(child: ChildProcess, message: ToRouter, sent: () => void = () => {}): void {
  if (!child.connected) return sent();
  child.send(message, () => sent());
}
