import { setTimeout as sleep } from 'node:timers/promises';

export const SOURCES = ['shop', 'app', 'site'];

/** What makes an event one event: its source and its messageId. */
export type Key = string;

export const keyOf = (source: string, messageId: string): Key => `${source}/${messageId}`;

/** One event in so many is one that the picky webhook never takes. */
const POISON_EVERY = 50;

export function isPoisoned(key: Key): boolean {
  return Buffer.from(key).reduce((sum, byte) => sum + byte, 0) % POISON_EVERY === 0;
}

export interface Load {
  sent: ReadonlySet<Key>;
  answered: ReadonlySet<Key>;
  /** Answers of 200, so far, and those of them that were for events which had been answered before. */
  counts: { readonly answers: number; readonly repeats: number };
  stop(): Promise<void>;
}

const BATCH_SENDERS = 3;
const SINGLE_SENDERS = 3;
const BATCH_COUNT = 20;
/** Between two requests of one sender, milliseconds: what the destinations can follow on a busy machine. */
const PAUSE_MS = 60;
/** The last requests of each sender, of which some are sent again: those of a few lives, far fewer than a window of 24 hours has. */
const REMEMBERED_COUNT = 60;
const REQUEST_TIMEOUT_MS = 15_000;

interface Request {
  source: string;
  ids: string[];
}

/**
 * Batches and singles from several sources, the same messageIds in each of them. A request without an answer is sent
 * again, as SDKs do, or given up, as crashed ones do; one in five is sent again though it was answered, and a batch may
 * name an event twice.
 */
export function startLoad(trackingUrl: () => string): Load {
  const sent = new Set<Key>();
  const answered = new Set<Key>();
  const counts = { answers: 0, repeats: 0 };
  const stopping = new AbortController();

  async function post({ source, ids }: Request, isBatch: boolean): Promise<void> {
    const events = ids.map((messageId) => ({
      type: 'track',
      userId: `u-${messageId.split('-')[0]}-${messageId.length}`,
      event: 'Load',
      messageId,
      properties: { key: keyOf(source, messageId), filling: 'x'.repeat(200) },
    }));
    const keys = ids.map((id) => keyOf(source, id));
    for (const key of keys) sent.add(key);
    const body = isBatch
      ? { writeKey: `${source}-key`, batch: events }
      : { writeKey: `${source}-key`, ...events[0] };
    const response = await fetch(`${trackingUrl()}${isBatch ? '/v1/batch' : '/v1/track'}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    });
    await response.arrayBuffer();
    if (response.status !== 200) throw new Error(`answered ${response.status}`);
    counts.answers += 1;
    if (keys.every((key) => answered.has(key))) counts.repeats += 1;
    for (const key of keys) answered.add(key);
  }

  async function send(name: string, isBatch: boolean): Promise<void> {
    const past: Request[] = [];
    let unanswered: Request | undefined;
    for (let n = 0; !stopping.signal.aborted; n += 1) {
      const again = Math.random() < 0.2 ? past[Math.floor(Math.random() * past.length)] : undefined;
      const request = unanswered ?? again ?? fresh(name, n, isBatch);
      if (request !== again && request !== unanswered) {
        past.push(request);
        if (past.length > REMEMBERED_COUNT) past.shift();
      }
      // Sometimes twice at once, so that one finds the other in flight.
      const posts = [post(request, isBatch)];
      if (n % 10 === 0) posts.push(post(request, isBatch));
      const results = await Promise.allSettled(posts);
      const isAnswered = results.some(({ status }) => status === 'fulfilled');
      unanswered = isAnswered || Math.random() < 0.3 ? undefined : request;
      await sleep(PAUSE_MS, undefined, { signal: stopping.signal }).catch(() => {});
    }
  }

  const senders = [
    ...Array.from({ length: BATCH_SENDERS }, (_, i) => send(`b${i}`, true)),
    ...Array.from({ length: SINGLE_SENDERS }, (_, i) => send(`s${i}`, false)),
  ];
  return {
    sent,
    answered,
    counts,
    stop: async () => {
      stopping.abort();
      await Promise.all(senders);
    },
  };
}

function fresh(name: string, n: number, isBatch: boolean): Request {
  const source = SOURCES[n % SOURCES.length]!;
  // Counted per source, so that the sources share their messageIds.
  const turn = Math.floor(n / SOURCES.length);
  const ids = Array.from({ length: isBatch ? BATCH_COUNT : 1 }, (_, i) => `${name}-${turn}-${i}`);
  return { source, ids: n % 7 === 0 ? [...ids, ids[0]!] : ids };
}
