import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import {
  DeadQueryError,
  IDS_MAX_COUNT,
  listDead,
  parseListQuery,
  placeOfId,
  showDead,
  type DeadChangeReply,
  type DeadLetterReply,
  type DeadListReply,
} from '../dead-letters/index.ts';
import { LedgerVersionError, openLedgerReader } from '../ledger/index.ts';
import type { LedgerReader } from '../ledger/ledger.ts';
import { sqliteFault } from '../sqlite/index.ts';
import { AskFailed, askConsole, lookUpFault, runningConsole } from './data-folder.ts';
import { describeDeadLetter, describeDeadList } from './describe-dead.ts';

interface PlaceFlags {
  data: string;
  console?: string;
  json?: boolean;
}

interface FilterFlags extends PlaceFlags {
  destination?: string;
  code?: string;
  name?: string;
  from?: string;
  to?: string;
}

interface ListFlags extends FilterFlags {
  limit: string;
  next?: string;
}

interface ChangeFlags extends FilterFlags {
  all?: boolean;
}

const EXIT_NONE = 1;
/** Nothing could be asked or read. */
const EXIT_FAILED = 2;

/** `millrace dead list | show | retry | drop`. */
export function addDeadCommands(program: Command): void {
  const dead = program
    .command('dead')
    .description('dead letters: what destinations have refused for good, or for too long');

  withFilter(dead.command('list').description('list them, the newest first'))
    .option('--limit <number>', 'how many, at most 500', '50')
    .option('--next <place>', 'go on where the last list ended')
    .action((flags: ListFlags) => answering(() => runList(flags)));

  withPlace(
    dead.command('show').description('show one with its event, and the request and answer it died of'),
  )
    .argument('<id>', 'as the list says it: <destination>:<partition>:<position>')
    .action((id: string, flags: PlaceFlags) => answering(() => runShow(id, flags)));

  withFilter(
    dead
      .command('retry')
      .description('have the running server try them again, ten a second for each destination'),
  )
    .argument('[ids...]')
    .option('--all', 'all there are')
    .action((ids: string[], flags: ChangeFlags) => answering(() => runChange('retry', ids, flags)));

  withFilter(dead.command('drop').description('have the running server drop them for good'))
    .argument('[ids...]')
    .option('--all', 'all there are')
    .action((ids: string[], flags: ChangeFlags) => answering(() => runChange('drop', ids, flags)));
}

function withPlace(command: Command): Command {
  return command
    .option('--data <dir>', 'folder for all data', '.millrace')
    .option('--console <url>', 'the console to ask (default: that of the server on the data folder)')
    .option('--json', 'print JSON');
}

function withFilter(command: Command): Command {
  return withPlace(command)
    .option('--destination <id>', 'of this destination')
    .option('--code <code>', 'that died of this code')
    .option('--name <event>', 'of this event name')
    .option('--from <time>', 'that died then or later: an ISO 8601 date, or milliseconds since 1970')
    .option('--to <time>', 'that died before');
}

async function runList(flags: ListFlags): Promise<void> {
  const query = {
    ...filterOf(flags),
    limit: flags.limit,
    ...(flags.next !== undefined && { next: flags.next }),
  };
  const parsed = parseListQuery(query);
  const list = await reading(
    flags,
    (ledger) => listDead(ledger, parsed),
    async (url) =>
      (await askConsole(url, `/api/dead?${new URLSearchParams(query).toString()}`)) as DeadListReply,
  );
  if (list.letters.length === 0 && !list.next) process.exitCode = EXIT_NONE;
  print(flags.json ? `${JSON.stringify(list)}\n` : describeDeadList(list));
}

async function runShow(id: string, flags: PlaceFlags): Promise<void> {
  const place = placeOfId(id);
  const letter = await reading(
    flags,
    (ledger) => showDead(ledger, place),
    (url) => askLetter(url, `/api/dead/${place.destinationId}/${place.partition}/${place.position}`),
  );
  if (!letter) {
    process.exitCode = EXIT_NONE;
    process.stderr.write(`millrace: there is no dead letter ${id}\n`);
    return;
  }
  print(flags.json ? `${JSON.stringify(letter)}\n` : describeDeadLetter(letter));
}

async function runChange(action: 'retry' | 'drop', ids: string[], flags: ChangeFlags): Promise<void> {
  const filter = { ...filterOf(flags), ...(flags.all && { all: true }) };
  if (ids.length > 0 === Object.keys(filter).length > 0) {
    throw new DeadQueryError('expected ids, or a filter, or --all');
  }
  const url = flags.console ?? (await runningConsole(resolve(flags.data)));
  if (url === undefined) {
    const words = `no server runs on ${flags.data}: only a running one can ${action} dead letters`;
    throw new AskFailed(undefined, words);
  }
  const count =
    ids.length > 0 ? await changeByIds(url, action, ids) : await changeByFilter(url, action, filter);
  if (count === 0) process.exitCode = EXIT_NONE;
  if (flags.json) print(`${JSON.stringify({ count })}\n`);
  else
    print(
      `${count} dead letter${count === 1 ? '' : 's'} ${action === 'retry' ? 'to be tried again' : 'dropped'}\n`,
    );
}

async function changeByIds(url: string, action: 'retry' | 'drop', ids: string[]): Promise<number> {
  let count = 0;
  for (let from = 0; from < ids.length; from += IDS_MAX_COUNT) {
    const body = { ids: ids.slice(from, from + IDS_MAX_COUNT) };
    count += (await askChange(url, action, body)).count;
  }
  return count;
}

/** The server looks at a bounded number at a time. */
async function changeByFilter(url: string, action: 'retry' | 'drop', filter: object): Promise<number> {
  let count = 0;
  let next: string | undefined;
  do {
    const body = { ...filter, ...(next !== undefined && { next }) };
    const change = await askChange(url, action, body);
    count += change.count;
    next = change.next;
  } while (next !== undefined);
  return count;
}

async function askChange(url: string, action: 'retry' | 'drop', body: object): Promise<DeadChangeReply> {
  return (await askConsole(url, `/api/dead/${action}`, body)) as DeadChangeReply;
}

async function askLetter(url: string, path: string): Promise<DeadLetterReply | undefined> {
  try {
    return (await askConsole(url, path)) as DeadLetterReply;
  } catch (error) {
    if (error instanceof AskFailed && error.code === 'unknown_dead_letter') return undefined;
    throw error;
  }
}

/** Asks the server where one runs, else reads the ledger and changes nothing. */
async function reading<T>(
  flags: PlaceFlags,
  read: (ledger: LedgerReader) => T,
  ask: (consoleUrl: string) => Promise<T>,
): Promise<T> {
  const dataDir = resolve(flags.data);
  const url = flags.console ?? (await runningConsole(dataDir));
  if (url !== undefined) return ask(url);
  const ledger = openLedgerReader(join(dataDir, 'ledger.db'));
  try {
    return read(ledger);
  } finally {
    ledger.close();
  }
}

function filterOf({ destination, code, name, from, to }: FilterFlags): Record<string, string> {
  const given = Object.entries({ destination, code, name, from, to });
  return Object.fromEntries(given.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

function print(text: string): void {
  process.stdout.write(text);
}

async function answering(run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    process.stderr.write(`millrace: ${reasonOf(error)}\n`);
    process.exitCode = EXIT_FAILED;
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof DeadQueryError || error instanceof LedgerVersionError) return error.message;
  const fault = sqliteFault(error);
  return fault === undefined ? lookUpFault(error) : `ledger.db: ${fault}`;
}
