import type { Clock } from '../clock.ts';

export interface Doorbell {
  /** Ends the wait under way, or the next one at once. */
  ring: () => void;
  /** Resolves when it was rung since the last wait, else after `timeoutMs`. One waiter at a time. */
  wait: (timeoutMs: number) => Promise<void>;
}

export function createDoorbell(clock: Clock): Doorbell {
  let rung = false;
  let waiting: AbortController | undefined;
  return {
    ring: () => {
      rung = true;
      waiting?.abort();
    },
    wait: async (timeoutMs) => {
      if (!rung) {
        waiting = new AbortController();
        await clock.sleep(timeoutMs, waiting.signal);
        waiting = undefined;
      }
      rung = false;
    },
  };
}
