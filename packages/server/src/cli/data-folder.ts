import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../clock.ts';
import { isLockHeld } from '../lock.ts';
import { LogReadError, openSegmentReader, readDurableEnds } from '../log/index.ts';
import { createLogSearch, openIndexFolder, type EventSearch } from '../search/index.ts';

/** What commands that look something up share: they ask the running server, else read its files. */

/** The console could not be asked, or answered with an error; the message is for the user. */
export class AskFailed extends Error {
  override readonly name = 'AskFailed';
  readonly code: string | undefined;

  constructor(code: string | undefined, message: string) {
    super(message);
    this.code = code;
  }
}

/** Undefined where no server runs on the folder. */
export async function runningConsole(dataDir: string): Promise<string | undefined> {
  if (!isLockHeld(join(dataDir, 'server.lock'))) return undefined;
  try {
    const { consoleUrl } = JSON.parse(await readFile(join(dataDir, 'server.json'), 'utf8')) as Record<
      string,
      unknown
    >;
    return typeof consoleUrl === 'string' ? consoleUrl : undefined;
  } catch {
    // It is starting, or stopping: the files say as much.
    return undefined;
  }
}

/**
 * Posts where there is a `body`.
 * @throws {AskFailed} The console answers with an error.
 */
export async function askConsole(consoleUrl: string, path: string, body?: object): Promise<unknown> {
  const token = process.env['MILLRACE_CONSOLE_TOKEN'];
  const answer = await fetch(new URL(path, consoleUrl), {
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body && { 'content-type': 'application/json' }),
    },
    ...(body && { method: 'POST', body: JSON.stringify(body) }),
  });
  if (answer.ok) return await answer.json();
  const { code, message } = (await answer.json().catch(() => ({}))) as { code?: string; message?: string };
  const words = `${consoleUrl} answered ${answer.status}${message === undefined ? '' : `: ${message}`}`;
  throw new AskFailed(code, words);
}

/** Searches the files while no server runs. Changes none of them. */
export async function withFileSearch<T>(
  dataDir: string,
  work: (search: EventSearch) => Promise<T>,
): Promise<T> {
  const logDir = join(dataDir, 'log');
  const durableEnds = await readDurableEnds(logDir);
  if (durableEnds[0] === 0) return await work({ find: () => Promise.resolve({ hits: [] }) });
  const reader = openSegmentReader({ dir: logDir });
  try {
    const folder = openIndexFolder({ dir: join(dataDir, 'index'), onUnusable: () => {} });
    return await work(
      createLogSearch({ reader, bounds: () => ({ durableEnds, starts: {} }), folder, clock: systemClock }),
    );
  } finally {
    await reader.close();
  }
}

/** Of the errors that a user can do something about; others are thrown on. */
export function lookUpFault(error: unknown): string {
  if (error instanceof AskFailed || error instanceof LogReadError) return error.message;
  if (error instanceof TypeError && error.message === 'fetch failed') return 'the console cannot be reached';
  throw error;
}
