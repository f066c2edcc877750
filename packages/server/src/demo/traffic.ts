import type { Clock } from '../clock.ts';
import { between, happens, type Random } from './chance.ts';
import type { Call } from './call.ts';

export interface TrafficParts {
  calls: Iterator<Call, never>;
  sender: { send(call: Call): void };
  clock: Clock;
}

/** Makes the calls at the pace of a shop, the first at once, until told to stop. */
export function runTraffic({ calls, sender, clock }: TrafficParts): { stop(): Promise<void> } {
  const stopping = new AbortController();
  const running = (async () => {
    while (!stopping.signal.aborted) {
      const { callCount, pauseMs } = nextBurst(() => clock.random());
      for (let left = callCount; left > 0; left -= 1) sender.send(calls.next().value);
      await clock.sleep(pauseMs, stopping.signal);
    }
  })();
  return {
    stop: () => {
      stopping.abort();
      return running;
    },
  };
}

/** About 15 calls a second, unevenly: mostly a few at a time, now and then a crowd. */
export function nextBurst(random: Random): { callCount: number; pauseMs: number } {
  const callCount = happens(random, 0.03) ? between(random, 20, 40) : between(random, 1, 4);
  return { callCount, pauseMs: between(random, 80, 350) };
}
