import type { Clock } from '../clock.ts';
import type { DurableEnds } from '../log/log.ts';

/**
 * Commits come up to a thousand times a second, and a message for each costs the router more than what it delivers by it:
 * the first goes at once, and what comes within this time of one goes together after it.
 */
const DURABLE_EVERY_MS = 10;

/**
 * Passes on the newest durable ends, with at most one message on its way, so that a busy router finds no queue.
 * @param send Calls back when the message is gone, also where it could not be sent.
 */
export function durableSender(
  send: (ends: DurableEnds, sent: () => void) => void,
  clock: Pick<Clock, 'sleep'>,
): (ends: DurableEnds) => void {
  let newest: DurableEnds | undefined;
  let isSending = false;

  async function sendNewest(): Promise<void> {
    isSending = true;
    for (let ends = newest; ends; ends = newest) {
      const next = ends;
      newest = undefined;
      const sent = new Promise<void>((resolve) => send(next, resolve));
      await Promise.all([sent, clock.sleep(DURABLE_EVERY_MS)]);
    }
    isSending = false;
  }

  return (ends) => {
    newest = ends;
    if (!isSending) void sendNewest();
  };
}
