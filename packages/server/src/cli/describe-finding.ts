import type { Finding } from '../doctor/index.ts';

/** A finding as one line for people. */
export function describeFinding({ state, file, place, message, advice }: Finding): string {
  const where = place === undefined ? file : `${file}, ${place}`;
  const todo = advice === undefined ? '' : `. To do: ${advice}`;
  return `${state.padEnd(15)}  ${where}: ${message}${todo}`;
}
