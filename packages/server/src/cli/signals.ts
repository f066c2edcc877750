import { closeSync, openSync } from 'node:fs';
import type { Logger } from 'pino';

/**
 * The signal returned is aborted by the first SIGTERM or SIGINT, or when the terminal is closed; a second one ends the
 * process at once. SIGHUP otherwise asks for a reload.
 */
export function listenToSignals(logger: Logger, reload: () => void): AbortSignal {
  const stopping = new AbortController();
  const stop = (signal: string): void => {
    if (stopping.signal.aborted) process.exit(1);
    logger.info({ signal }, 'stopping');
    stopping.abort();
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, stop);

  const hadTerminal = canOpenTerminal();
  process.on('SIGHUP', (signal) => {
    // A closed terminal sends what asks a daemon to reload.
    if (hadTerminal && !canOpenTerminal()) stop(signal);
    else reload();
  });
  return stopping.signal;
}

/** The kernel refuses it to a process without a controlling terminal. */
function canOpenTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r+'));
    return true;
  } catch {
    return false;
  }
}
