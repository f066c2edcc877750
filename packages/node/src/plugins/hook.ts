/** The longest that an event waits for one plugin, so that one that hangs holds up neither events nor flushes for ever. */
export const PLUGIN_MAX_MS = 10_000;

export type HookOutcome = { kind: 'returned'; value: unknown } | { kind: 'failed'; error: unknown };

/** Starts a timer; returns how to stop it. */
export type After = (delayMs: number, done: () => void) => () => void;

/** Runs the code of a plugin. `done` is called in the same tick unless that code is asynchronous. */
export function runHook(hook: () => unknown, after: After, done: (outcome: HookOutcome) => void): void {
  let value: unknown;
  try {
    value = hook();
  } catch (error) {
    done({ kind: 'failed', error });
    return;
  }
  if (!isThenable(value)) {
    done({ kind: 'returned', value });
    return;
  }
  let isOver = false;
  const end = (outcome: HookOutcome): void => {
    if (isOver) return;
    isOver = true;
    stopTimer();
    done(outcome);
  };
  const stopTimer = after(PLUGIN_MAX_MS, () => {
    end({ kind: 'failed', error: new Error(`it did not end within ${PLUGIN_MAX_MS}ms`) });
  });
  Promise.resolve(value).then(
    (value) => end({ kind: 'returned', value }),
    (error: unknown) => end({ kind: 'failed', error }),
  );
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
