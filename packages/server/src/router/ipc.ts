import type { DeadChange, DeadSelection } from '../ledger/dead-letters.ts';
import type { DurableEnds, LogStarts, Needs, Partition, Position } from '../log/log.ts';

/** What the server tells the router over the child's IPC channel. */
export type ToRouter =
  | {
      type: 'start';
      dataDir: string;
      /** The router evaluates it itself: functions do not travel between processes. */
      configFile: string | undefined;
      durableEnds: DurableEnds;
      /** What is before was given up, and with it what a destination that was away still needs there. */
      starts: LogStarts;
      logLevel: string;
    }
  | { type: 'durable'; ends: DurableEnds }
  /** Instead of `start`: evaluate the config, make its destinations, say `checked` or `failed`, and exit. */
  | { type: 'check'; configFile: string; logLevel: string }
  | { type: 'starts'; starts: LogStarts }
  /** May the log be trimmed to there? With `drop`, whoever still needs it loses it. Answered by `released`. */
  | { type: 'release'; id: number; partition: Partition; before: Position; drop: boolean }
  /** Asks for a retry of dead letters, or drops them. Answered by `changed`. */
  | { type: 'changeDead'; id: number; action: 'retry' | 'drop'; selection: DeadSelection }
  /** Finish what is in flight, commit, exit 0. */
  | { type: 'stop' };

/** What the router tells the server. */
export type ToServer =
  /** Every enabled destination has a cursor on disk: from now on nothing accepted can be missed. */
  | { type: 'ready' }
  | { type: 'status'; destinations: DestinationStatus[] }
  | { type: 'checked' }
  /** Of the enabled destinations; before `ready`, then at most each second, when it has changed. */
  | { type: 'needs'; needs: Needs }
  /** The log may be trimmed to `before`: that nobody needs what is there outlives power loss. */
  | { type: 'released'; id: number; before: Position }
  | { type: 'changed'; id: number; change: DeadChange }
  /** The router cannot work and exits; the words are safe to show. */
  | { type: 'failed'; message: string };

/** What only the running router knows of a destination. */
export interface DestinationStatus {
  destinationId: string;
  /**
   * `failing`: request after request fails. `unauthorized`: it refuses the credentials. Both are asked with one event at a time.
   * `waiting`: the ledger cannot be written at the moment, and nothing is sent.
   */
  state: 'running' | 'failing' | 'unauthorized' | 'waiting' | 'stopped';
  /** Why, unless running. Safe to show. */
  reason?: string;
  /** Unless running or stopped; milliseconds since the epoch. */
  sinceMs?: number;
  /** When it is asked again. */
  nextProbeMs?: number;
}
