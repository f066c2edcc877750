import { join, resolve } from 'node:path';
import { LedgerVersionError, openLedgerReader } from '../ledger/index.ts';
import { sqliteFault } from '../sqlite/index.ts';
import { RefusedFileError, openRefusedReader } from '../refused/index.ts';
import { createTraceReader, type TraceReply } from '../trace/index.ts';
import { AskFailed, askConsole, lookUpFault, runningConsole, withFileSearch } from './data-folder.ts';
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

async function askTrace(consoleUrl: string, messageId: string): Promise<TraceReply | undefined> {
  try {
    return (await askConsole(consoleUrl, `/api/trace/${encodeURIComponent(messageId)}`)) as TraceReply;
  } catch (error) {
    if (error instanceof AskFailed && error.code === 'unknown_message') return undefined;
    throw error;
  }
}

function readTrace(dataDir: string, messageId: string): Promise<TraceReply | undefined> {
  return withFileSearch(dataDir, async (search) => {
    const ledger = openLedgerReader(join(dataDir, 'ledger.db'));
    const refused = openRefusedReader(join(dataDir, 'refused.db'));
    try {
      const duplicates = (id: string) => refused.duplicatesOf(id);
      const traces = createTraceReader({ search, ledger, duplicates });
      return await traces.trace(messageId, new AbortController().signal);
    } finally {
      ledger.close();
      refused.close();
    }
  });
}

function reasonOf(error: unknown): string {
  if (error instanceof LedgerVersionError || error instanceof RefusedFileError) return error.message;
  const fault = sqliteFault(error);
  return fault === undefined ? lookUpFault(error) : `ledger.db or refused.db: ${fault}`;
}
