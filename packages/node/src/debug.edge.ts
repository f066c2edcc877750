import { callProgram } from './errors.ts';

export type Debug = boolean | ((line: string) => void);

/** To the program's function, or with `true` to the console, which is what there is in place of stderr. */
export function debugWriter(debug: Debug | undefined): ((line: string) => void) | undefined {
  if (typeof debug === 'function') return (line) => callProgram(() => debug(line));
  // oxlint-disable-next-line no-console -- see above
  return debug === true ? (line) => console.error(`millrace: ${line}`) : undefined;
}
