import { resolve } from 'node:path';
import type { SearchReply } from '../console/wire.ts';
import { toReceivedEvent } from '../console/log-window.ts';
import type { SearchCursor, SearchQuery } from '../search/index.ts';
import { decodeSearchCursor, encodeSearchCursor } from '../search/index.ts';
import { askConsole, lookUpFault, runningConsole, withFileSearch } from './data-folder.ts';
import { describeHit } from './describe-hit.ts';

export interface SearchFlags {
  data: string;
  console?: string;
  message?: string;
  user?: string;
  anonymous?: string;
  event?: string;
  type?: string;
  source?: string;
  /** Milliseconds since the epoch. */
  from?: number;
  to?: number;
  text?: string;
  limit: number;
  json?: boolean;
}

/** Nothing could be asked: the answer is not known. */
const EXIT_FAILED = 2;
const EXIT_NONE = 1;
/** What one answer may hold. */
const PAGE_LIMIT = 200;

type AskPage = (page: { limit: number; before?: string }) => Promise<SearchReply>;

/**
 * `millrace search`: prints events, newest first, as they are found. Asks the server where one runs on the data
 * folder, else reads the files and changes none of them.
 */
export async function runSearch(flags: SearchFlags): Promise<void> {
  const dataDir = resolve(flags.data);
  const query = queryOf(flags);
  try {
    const url = flags.console ?? (await runningConsole(dataDir));
    const isAnyFound = await (url === undefined
      ? withFileSearch(dataDir, (search) =>
          printAll(flags, async ({ limit, before }) => {
            const cursor: SearchCursor | undefined =
              before === undefined ? undefined : decodeSearchCursor(before);
            const page = { limit, ...(cursor && { before: cursor }) };
            const { hits, next, ...more } = await search.find(query, page, new AbortController().signal);
            const events = hits.map(toReceivedEvent);
            return { events, ...(next && { next: encodeSearchCursor(next) }), ...more };
          }),
        )
      : printAll(
          flags,
          async (page) => (await askConsole(url, `/api/search?${addressOf(query, page)}`)) as SearchReply,
        ));
    if (!isAnyFound) {
      if (!flags.json) process.stderr.write('millrace: no such event is in the log\n');
      process.exitCode = EXIT_NONE;
    }
  } catch (error) {
    process.stderr.write(`millrace: ${lookUpFault(error)}\n`);
    process.exitCode = EXIT_FAILED;
  }
}

/** Page by page, until there are enough or all is searched. */
async function printAll({ limit, json = false }: SearchFlags, ask: AskPage): Promise<boolean> {
  let left = limit;
  let next: string | undefined;
  let unreadable: string | undefined;
  do {
    const page = { limit: Math.min(left, PAGE_LIMIT), ...(next !== undefined && { before: next }) };
    const reply = await ask(page);
    for (const event of reply.events) {
      process.stdout.write(json ? `${JSON.stringify(event)}\n` : describeHit(event));
    }
    left -= reply.events.length;
    next = reply.next;
    unreadable ??= reply.unreadable;
  } while (next !== undefined && left > 0);
  if (unreadable !== undefined)
    process.stderr.write(`millrace: there may be more than was found: ${unreadable}\n`);
  return left < limit;
}

function queryOf({
  message,
  user,
  anonymous,
  event,
  type,
  source,
  from,
  to,
  text,
}: SearchFlags): SearchQuery {
  return {
    ...(message !== undefined && { messageId: message }),
    ...(user !== undefined && { userId: user }),
    ...(anonymous !== undefined && { anonymousId: anonymous }),
    ...(event !== undefined && { event }),
    ...(type !== undefined && { type }),
    ...(source !== undefined && { sourceId: source }),
    ...(from !== undefined && { fromMs: from }),
    ...(to !== undefined && { toMs: to }),
    ...(text !== undefined && { text }),
  };
}

function addressOf(
  { sourceId, fromMs, toMs, ...query }: SearchQuery,
  page: { limit: number; before?: string },
) {
  const named = { ...query, source: sourceId, from: fromMs, to: toMs, ...page };
  const given = Object.entries(named).filter(([, value]) => value !== undefined);
  return new URLSearchParams(
    given.map(([name, value]): [string, string] => [name, String(value)]),
  ).toString();
}
