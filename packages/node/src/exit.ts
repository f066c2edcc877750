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
  drainStartedMs ??= Date.now();
  const spentMs = Date.now() - drainStartedMs;
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
