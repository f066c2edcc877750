import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { LedgerVersionError, openLedgerReader } from '../ledger/index.ts';
import { sqliteFault } from '../sqlite/index.ts';
import { isLockHeld } from '../lock.ts';
import { LogReadError, openSegmentReader, readDurableEnds } from '../log/index.ts';
import { RefusedVersionError, openRefusedReader } from '../refused/index.ts';
import { createTraceReader, scanningFinder, type TraceReply } from '../trace/index.ts';
import { describeTrace } from './describe-trace.ts';

export interface TraceFlags {
  data: string;
  console?: string;
  json?: boolean;
}

/** Nothing could be asked: the answer is not known. */
const EXIT_FAILED = 2;
const EXIT_UNKNOWN = 1;

/**
 * `millrace trace <messageId>`: prints what became of an event. Asks the server where one runs on the data folder,
 * else reads the files and changes none of them.
 */
export async function runTrace(messageId: string, flags: TraceFlags): Promise<void> {
  const dataDir = resolve(flags.data);
  let reply: TraceReply | undefined;
  try {
    const url = flags.console ?? (await runningConsole(dataDir));
    reply = url === undefined ? await readTrace(dataDir, messageId) : await askTrace(url, messageId);
  } catch (error) {
    process.stderr.write(`millrace: ${reasonOf(error)}\n`);
    process.exitCode = EXIT_FAILED;
    return;
  }
  if (!reply) process.exitCode = EXIT_UNKNOWN;
  if (flags.json)
    process.stdout.write(`${JSON.stringify(reply ?? { messageId, events: [], duplicates: [] })}\n`);
  else if (reply) process.stdout.write(describeTrace(reply));
  else process.stderr.write(`millrace: no event with messageId ${JSON.stringify(messageId)} is known\n`);
}

/** Undefined where no server runs on the folder. */
async function runningConsole(dataDir: string): Promise<string | undefined> {
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

async function askTrace(consoleUrl: string, messageId: string): Promise<TraceReply | undefined> {
  const token = process.env['MILLRACE_CONSOLE_TOKEN'];
  const answer = await fetch(new URL(`/api/trace/${encodeURIComponent(messageId)}`, consoleUrl), {
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  });
  if (answer.ok) return (await answer.json()) as TraceReply;
  const { code, message } = (await answer.json().catch(() => ({}))) as { code?: string; message?: string };
  if (code === 'unknown_message') return undefined;
  throw new TraceFailed(
    `${consoleUrl} answered ${answer.status}${message === undefined ? '' : `: ${message}`}`,
  );
}

async function readTrace(dataDir: string, messageId: string): Promise<TraceReply | undefined> {
  const logDir = join(dataDir, 'log');
  const ends = await readDurableEnds(logDir);
  const reader = openSegmentReader({ dir: logDir });
  const ledger = openLedgerReader(join(dataDir, 'ledger.db'));
  const refused = openRefusedReader(join(dataDir, 'refused.db'));
  try {
    const finder = scanningFinder({ reader, durableEnds: () => ends });
    const duplicates = (id: string) => refused.duplicatesOf(id);
    const traces = createTraceReader({ finder, reader, ledger, duplicates });
    return ends[0] === 0 ? undefined : await traces.trace(messageId, new AbortController().signal);
  } finally {
    ledger.close();
    refused.close();
    await reader.close();
  }
}

class TraceFailed extends Error {
  override readonly name = 'TraceFailed';
}

function reasonOf(error: unknown): string {
  if (
    error instanceof TraceFailed ||
    error instanceof LogReadError ||
    error instanceof LedgerVersionError ||
    error instanceof RefusedVersionError
  ) {
    return error.message;
  }
  const fault = sqliteFault(error);
  if (fault !== undefined) return `ledger.db or refused.db: ${fault}`;
  if (error instanceof TypeError && error.message === 'fetch failed') return 'the console cannot be reached';
  throw error;
}
