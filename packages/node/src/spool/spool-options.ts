import path from 'node:path';
import { usageError } from '../errors.ts';
import { assertSocketsFit } from './lease.ts';

const SYNCS = ['never', 'batch'] as const;
const MIN_BYTES = 1024 * 1024;
const DEFAULT_BYTES = 1024 * 1024 * 1024;

/** A disk buffer, from which events are sent after a crash and after a long outage. */
export interface SpoolOptions {
  /** A folder on a local disk, made when it is not there. Clients and processes may share it. */
  dir: string;
  /**
   * `never`, the default, leaves it to the system when what was written reaches the disk: the events survive the
   * end of the process, however it ends, but not a power cut. `batch` has each flushed batch synced (`fdatasync`),
   * beside the request and on another thread, so that they survive that too.
   */
  fsync?: 'never' | 'batch' | undefined;
  /** Bytes of the files of one client. Default 1,073,741,824 (1 GB), at least 1,048,576. Beyond: `SPOOL_FULL`. */
  maxBytes?: number | undefined;
}

export interface ResolvedSpool {
  /** Absolute: a program may change its working directory. */
  dir: string;
  fsync: 'never' | 'batch';
  maxBytes: number;
}

/** @throws Error naming the option, what it may be, and what was found; `SPOOL_PATH_TOO_LONG`. */
export function resolveSpool(options: SpoolOptions): ResolvedSpool {
  const { dir, fsync = 'never', maxBytes = DEFAULT_BYTES } = object(options);
  if (typeof dir !== 'string' || dir === '' || dir.includes('\0')) {
    throw optionError('spool.dir', 'the path of a folder', dir);
  }
  if (!SYNCS.includes(fsync)) throw optionError('spool.fsync', `one of ${SYNCS.join(', ')}`, fsync);
  if (!Number.isSafeInteger(maxBytes) || maxBytes < MIN_BYTES) {
    throw optionError('spool.maxBytes', `a whole number of at least ${MIN_BYTES}`, maxBytes);
  }
  assertSocketsFit(path.resolve(dir));
  return { dir: path.resolve(dir), fsync, maxBytes };
}

function object(options: unknown): Partial<SpoolOptions> {
  if (typeof options === 'object' && options !== null && !Array.isArray(options)) return options;
  throw optionError('spool', 'an object with a "dir"', options);
}

function optionError(name: string, expected: string, found: unknown): Error {
  return usageError(
    `The option "${name}" must be ${expected}; found ${JSON.stringify(found) ?? typeof found}.`,
  );
}
