/** What `program.cjs` is told to do. */
export interface ProgramSettings {
  host: string;
  /** Of the client. */
  options: object;
  /** Of the names of its events, so that those of several processes differ. */
  prefix: string;
  eventCount: number;
  /** Of them in one tick, the next ones 5 ms later. */
  perTick: number;
  /** Whether each event has one. */
  callbacks: boolean;
  /** Of each event, besides some 300 bytes. */
  textBytes: number;
  /**
   * How it ends when all is tracked: by `closeAndFlush()` with such a time-out or without one, once its stdin
   * is closed or at once; by running out of work; or by what ends a process without a word.
   */
  end: { flushTimeoutMs: number } | 'flush' | 'flush when told' | 'nothing' | 'process.exit()' | 'kill -9';
  /** `dns.lookup` knows no name for so long, counted from the start. */
  lookupFailsForMs: number;
  /** The time of day is set to so far from the true one, at times counted from the start. */
  clockJumps: { atMs: number; offsetMs: number }[];
}

export const DEFAULT_PROGRAM: Omit<ProgramSettings, 'host'> = {
  options: {},
  prefix: 'e',
  eventCount: 500,
  perTick: 1_000_000,
  callbacks: true,
  textBytes: 500,
  end: 'flush',
  lookupFailsForMs: 0,
  clockJumps: [],
};

/** It says how many events it has tracked after each tick, a line each, and this in the end. */
export interface ProgramReport {
  /** By code, from the callbacks of events; `delivered` where there was no error. */
  called: Record<string, number>;
  /** Codes that `errorHandler` was given. */
  handled: string[];
  flushRejects?: string;
  memoryMb: number;
}
