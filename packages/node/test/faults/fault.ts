import type { Behaviour } from './fault-server.ts';
import type { ProgramSettings } from './program.ts';
import type { SpoolDisk } from './spool-folder.ts';

/** A row of the matrix: what goes wrong, what the program is, and what must become of its events. */
export interface Fault extends Phase {
  /** As the table has it. */
  name: string;
  /** What the folder of its spool is on; none without. */
  spool?: SpoolDisk;
  /** The program is started as often, and killed at so many milliseconds after its first tick. */
  killedAtMs?: readonly number[];
  /** Another start of it, on the same spool, to deliver what is left. */
  restart?: Phase;
  expected: Expected;
}

export interface Phase {
  /** Or a listener whose queue of connections is full, so that none is ever made. */
  server: Behaviour | 'backlog full';
  program?: Partial<ProgramSettings>;
}

export interface Expected {
  /** Distinct events that the server took; all means all of those whose tick the program lived to end. */
  deliveredCount: number | 'all';
  /** Events that it took once more, under the same messageId; what was in flight when it was killed may be. */
  duplicateCount?: number | 'what was in flight';
  /** Codes that callbacks of events were given, and how many were. */
  reported?: Readonly<Record<string, number>>;
  /** Codes that `errorHandler` was given, where they are not those of the callbacks. */
  handled?: readonly string[];
  /** What the awaited flush rejects with, where it does. */
  flushRejects?: string;
  /** From the start of the process until it has ended by itself. */
  endsWithinMs: number;
  /** Peak resident memory of the process, Node's own some 45 MB included. */
  memoryWithinMb: number;
}

/** What became of a process. */
export interface Ended {
  /** Events of the ticks that had ended. */
  trackedCount: number;
  /** By code, from callbacks. */
  reported: Readonly<Record<string, number>>;
  /** Codes that `errorHandler` was given. */
  handled: readonly string[];
  flushRejects: string | undefined;
  /** 0 when the process ended by itself; null when it was killed, as by us when it hung. */
  exitCode: number | null;
  stderr: string;
  endedAfterMs: number;
  memoryMb: number;
}

/** What was measured, of all the processes of a row. */
export interface Outcome extends Ended {
  deliveredCount: number;
  lostCount: number;
  duplicateCount: number;
  /** Distinct messageIds that the server took: as many as events, or an id was made anew for a retry. */
  messageIdCount: number;
}
