import type { DurableEnds } from '../log/log.ts';

/** What the server tells the router over the child's IPC channel. */
export type ToRouter =
  | {
      type: 'start';
      dataDir: string;
      /** The router evaluates it itself: functions do not travel between processes. */
      configFile: string | undefined;
      durableEnds: DurableEnds;
      logLevel: string;
    }
  | { type: 'durable'; ends: DurableEnds }
  /** Instead of `start`: evaluate the config, make its destinations, say `checked` or `failed`, and exit. */
  | { type: 'check'; configFile: string; logLevel: string }
  /** Finish what is in flight, commit, exit 0. */
  | { type: 'stop' };

/** What the router tells the server. */
export type ToServer =
  /** Every enabled destination has a cursor on disk: from now on nothing accepted can be missed. */
  | { type: 'ready' }
  | { type: 'status'; destinations: DestinationStatus[] }
  | { type: 'checked' }
  /** The router cannot work and exits; the words are safe to show. */
  | { type: 'failed'; message: string };

/** What only the running router knows of a destination. */
export interface DestinationStatus {
  destinationId: string;
  state: 'running' | 'unauthorized' | 'stopped';
  /** Why, unless running. Safe to show. */
  reason?: string;
}
