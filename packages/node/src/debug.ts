import { debuglog } from 'node:util';
import { callProgram } from './errors.ts';

export type Debug = boolean | ((line: string) => void);

/**
 * Where the lines of the journal go: to the program's function, with `true` to stderr, without the option
 * where `NODE_DEBUG=millrace` says so; else nowhere.
 */
export function debugWriter(debug: Debug | undefined): ((line: string) => void) | undefined {
  if (typeof debug === 'function') return (line) => callProgram(() => debug(line));
  if (debug === true) return (line) => void process.stderr.write(`millrace: ${line}\n`);
  const log = debuglog('millrace');
  return debug === undefined && log.enabled ? (line) => log('%s', line) : undefined;
}
