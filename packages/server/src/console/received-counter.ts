import type { EventLog } from '../log/log.ts';

export interface CountedLog {
  /** To be given to the collector in place of the one it wraps. */
  log: Pick<EventLog, 'append'>;
  /** Events made durable through it so far, duplicates not among them. */
  receivedCount: () => number;
}

/**
 * Counts by the log's own verdicts: positions may have gaps, so their distance is no count.
 * @param onAppend Told how long each append took, be it that it failed; milliseconds.
 */
export function countReceived(
  log: Pick<EventLog, 'append'>,
  onAppend: (durationMs: number) => void,
): CountedLog {
  let count = 0;
  return {
    receivedCount: () => count,
    log: {
      async append(events) {
        const startedAtMs = performance.now();
        try {
          const verdicts = await log.append(events);
          for (const verdict of verdicts) if (verdict === 'appended') count += 1;
          return verdicts;
        } finally {
          onAppend(performance.now() - startedAtMs);
        }
      },
    },
  };
}
