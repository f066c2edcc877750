import { systemClock } from '../clock.ts';
import type { EventLog, NewEvent } from '../log/log.ts';
import { createCollector, type CollectorOptions } from './collector.ts';
import type { Refusal } from './refusal.ts';
import { configuredSources } from './sources.ts';

/** The time at the collector in all tests that use the rig. */
export const NOW = '2026-03-10T12:00:00.000Z';
/** The one source of the rig, `web`. */
export const WITH_KEY = { authorization: `Basic ${Buffer.from('web-key:').toString('base64')}` };

export interface WatchedLog extends Pick<EventLog, 'append'> {
  /** What was appended, duplicates left out. */
  readonly events: readonly NewEvent[];
  /** `events` as objects. */
  readonly bodies: readonly Record<string, unknown>[];
  /** Called before each append; what it throws, the append rejects with. */
  beforeAppend: () => void | Promise<void>;
}

/** Shows what a log was given, and makes it fail or wait. */
export function watchLog(log: Pick<EventLog, 'append'>): WatchedLog {
  const events: NewEvent[] = [];
  const watched: WatchedLog = {
    events,
    get bodies() {
      return events.map((event) => JSON.parse(event.json.toString('utf8')) as Record<string, unknown>);
    },
    beforeAppend: () => undefined,
    async append(batch) {
      await watched.beforeAppend();
      const verdicts = await log.append(batch);
      events.push(...batch.filter((_, index) => verdicts[index] === 'appended'));
      return verdicts;
    },
  };
  return watched;
}

export interface Reply {
  status: number;
  headers: Record<string, unknown>;
  body: unknown;
}

export interface Rig {
  log: WatchedLog;
  refusals: Refusal[];
  logged: unknown[];
  /** Sends one request to a collector of its own; the body as JSON unless it is text. */
  post: (
    path: string,
    body: unknown,
    headers?: Record<string, string>,
    options?: Partial<CollectorOptions>,
  ) => Promise<Reply>;
}

export function createRig(innerLog: Pick<EventLog, 'append'>): Rig {
  const log = watchLog(innerLog);
  const refusals: Refusal[] = [];
  const logged: unknown[] = [];
  return {
    log,
    refusals,
    logged,
    async post(url, body, headers = WITH_KEY, options = {}) {
      const app = createCollector({
        log,
        sources: configuredSources([{ id: 'web', name: 'Web', writeKey: 'web-key' }]),
        clock: { ...systemClock, nowMs: () => Date.parse(NOW) },
        onRefused: (refusal) => refusals.push(refusal),
        logger: { error: (...line) => logged.push(line) },
        newMessageId: () => 'minted',
        ...options,
      });
      const reply = await app.inject({
        method: 'POST',
        url,
        headers: { 'content-type': 'application/json', ...headers },
        payload: typeof body === 'string' ? body : JSON.stringify(body),
      });
      await app.close();
      return { status: reply.statusCode, headers: reply.headers, body: reply.json() };
    },
  };
}
