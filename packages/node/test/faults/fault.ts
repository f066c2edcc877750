import type { Behaviour } from './fault-server.ts';
import type { ProgramSettings } from './program.ts';

/** A row of the matrix: what goes wrong, what the program is, and what must become of its events. */
export interface Fault {
  /** As the table has it. */
  name: string;
  /** Or a listener whose queue of connections is full, so that none is ever made. */
  server: Behaviour | 'backlog full';
  program?: Partial<ProgramSettings>;
  expected: Expected;
}

export interface Expected {
  /** Distinct events that the server took. */
  deliveredCount: number;
  /** Events that it took once more, under the same messageId. */
  duplicateCount?: number;
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

/** What was measured. */
export interface Outcome {
  deliveredCount: number;
  lostCount: number;
  duplicateCount: number;
  /** Distinct messageIds that the server took: as many as events, or an id was made anew for a retry. */
  messageIdCount: number;
  /** By code, from callbacks. */
  reported: Readonly<Record<string, number>>;
  /** Codes that `errorHandler` was given, sorted. */
  handled: readonly string[];
  flushRejects: string | undefined;
  /** 0 when the process ended by itself; null when it had to be ended, for it hung. */
  exitCode: number | null;
  stderr: string;
  endedAfterMs: number;
  memoryMb: number;
}
