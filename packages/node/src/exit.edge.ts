// Where there is no process, there is no end of it to catch: `waitUntil(analytics.flush())` does what is wanted.

export function drainAtExit(): void {}

export function forgetAtExit(): void {}

export function drainAtSignals(): () => void {
  return () => undefined;
}
