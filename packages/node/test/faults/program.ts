/** What `program.cjs` is told to do. */
export interface ProgramSettings {
  host: string;
  /** Of the client. */
  options: object;
  /** Tracked in one tick. */
  eventCount: number;
  /** Of each event, besides some 300 bytes. */
  textBytes: number;
  /** How it ends: by `closeAndFlush()` with such a time-out, without one, or just by running out of work. */
  end: { flushTimeoutMs: number } | 'flush' | 'nothing';
  /** `dns.lookup` knows no name for so long, counted from the start. */
  lookupFailsForMs: number;
  /** The time of day is set to so far from the true one, at times counted from the start. */
  clockJumps: { atMs: number; offsetMs: number }[];
}

export const DEFAULT_PROGRAM: Omit<ProgramSettings, 'host'> = {
  options: {},
  eventCount: 500,
  textBytes: 500,
  end: 'flush',
  lookupFailsForMs: 0,
  clockJumps: [],
};

/** What it says in the end. */
export interface ProgramReport {
  /** By code, from the callbacks of events; `delivered` where there was no error. */
  called: Record<string, number>;
  /** Codes that `errorHandler` was given. */
  handled: string[];
  flushRejects?: string;
  memoryMb: number;
}
