import os from 'node:os';
import { optionError } from './errors.ts';

/** A client, as far as the end of the process is concerned. */
export interface Drainable {
  /** How long it may hold the process in milliseconds. */
  exitDrainMs: number;
  flush(options: { timeout: number }): Promise<unknown>;
}

/**
 * State of the process, not of a client: it ends once, and a listener for each client would soon
 * be one of those leaks that Node warns of.
 */
const unfinished = new Set<Drainable>();
let drainStartedMs: number | undefined;

/** Has the client flushed should the process run out of work before {@link forgetAtExit}. */
export function drainAtExit(client: Drainable): void {
  if (client.exitDrainMs === 0) return;
  if (unfinished.size === 0) process.on('beforeExit', drainAll);
  unfinished.add(client);
}

/** The client has nothing left, so that nothing here keeps it from being collected. */
export function forgetAtExit(client: Drainable): void {
  if (unfinished.delete(client) && unfinished.size === 0) process.off('beforeExit', drainAll);
}

/**
 * Node comes back here after each round that kept it alive; rounds that deliver nothing share one
 * budget. One that does shows that the program goes on: it may await the callback of each event.
 */
function drainAll(): void {
  drainStartedMs ??= performance.now();
  const spentMs = performance.now() - drainStartedMs;
  for (const client of unfinished) {
    forgetAtExit(client);
    const timeout = client.exitDrainMs - spentMs;
    // What fails reaches callbacks and errorHandler; there is nobody here to tell.
    if (timeout > 0) Promise.resolve(client.flush({ timeout })).then(delivered, () => undefined);
  }
}

function delivered(): void {
  drainStartedMs = undefined;
}

/** Those by which a terminal, a container or a service manager asks a process to end. */
const ENDING_SIGNALS: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT', 'SIGHUP'];
const UNCATCHABLE: ReadonlySet<string> = new Set(['SIGKILL', 'SIGSTOP']);

/** Clients that asked for it, by signal: of the process as well, with one listener a signal. */
const hooked = new Map<NodeJS.Signals, Set<Drainable>>();
const draining = new Set<NodeJS.Signals>();

/**
 * Has the client flushed when one of `signals` comes (`true`: SIGTERM, SIGINT, SIGHUP), for at most
 * its `exitDrainMs`. Then the process ends as by that signal, unless the program listens to it too
 * and so decides itself.
 * @returns how to undo that.
 * @throws Error for what is no signal, or one that cannot be caught.
 */
export function drainAtSignals(client: Drainable, signals: boolean | readonly `SIG${string}`[]): () => void {
  const names = signalsOf(signals);
  for (const signal of names) {
    const clients = hooked.get(signal) ?? new Set();
    if (clients.size === 0) process.prependListener(signal, onSignal);
    hooked.set(signal, clients.add(client));
  }
  return () => {
    for (const signal of names) unhook(client, signal);
  };
}

function signalsOf(signals: unknown): readonly NodeJS.Signals[] {
  if (signals === false || signals === undefined || signals === null) return [];
  if (signals === true) return ENDING_SIGNALS;
  if (Array.isArray(signals) && signals.every(isCatchable)) return signals as NodeJS.Signals[];
  throw optionError('exitHook', 'true, false or an array of signals that can be caught', signals);
}

function isCatchable(name: unknown): boolean {
  return typeof name === 'string' && name in os.constants.signals && !UNCATCHABLE.has(name);
}

function unhook(client: Drainable, signal: NodeJS.Signals): void {
  const clients = hooked.get(signal);
  // While we drain because of it, it stays ours until it is raised again.
  if (clients?.delete(client) && clients.size === 0 && !draining.has(signal)) process.off(signal, onSignal);
}

/** Before the listeners of the program (see `prependListener`), of which those for once would be gone after. */
function onSignal(signal: NodeJS.Signals): void {
  const programDecides = process.listenerCount(signal) > 1;
  if (draining.has(signal)) {
    // A second Ctrl-C: whoever sends it does not want to wait.
    if (!programDecides) endBy(signal);
    return;
  }
  draining.add(signal);
  void drainHooked(signal, programDecides);
}

async function drainHooked(signal: NodeJS.Signals, programDecides: boolean): Promise<void> {
  const clients = [...(hooked.get(signal) ?? [])];
  // What fails reaches callbacks and errorHandler.
  await Promise.allSettled(clients.map(async (client) => client.flush({ timeout: client.exitDrainMs })));
  draining.delete(signal);
  if (!programDecides) endBy(signal);
  else if (!hooked.get(signal)?.size) process.off(signal, onSignal);
}

/** As if we had never listened, so that whoever waits for the process sees how it ended. */
function endBy(signal: NodeJS.Signals): void {
  process.off(signal, onSignal);
  process.kill(process.pid, signal);
}
