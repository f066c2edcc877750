import type { Debug } from './debug.ts';
import { parseDurationMs } from './duration.ts';
import { optionError, usageError, type AnalyticsError } from './errors.ts';
import { UNSUPPORTED_OPTIONS } from './platform.ts';
import type { SpoolOptions } from './spool/spool-options.ts';
import {
  resolveTransportOptions,
  type ResolvedTransportOptions,
  type TransportOptions,
} from './transport/transport-options.ts';
import { LIBRARY_NAME, LIBRARY_VERSION } from './version.ts';

/** Options of `analytics-node` 6.2 under their documented names, of `@segment/analytics-node`, and ours. */
export interface AnalyticsOptions extends TransportOptions {
  /** Where to send. Default `https://api.segment.io`. Trailing slashes are dropped. */
  host?: string | undefined;
  /** Default `/v1/batch`. Trailing slashes are dropped. */
  path?: string | undefined;
  /** Segment's endpoint for the region, in place of `host`; both only where they agree. Default `us`. */
  region?: Region | undefined;
  /** Queued events that trigger a flush. A trigger, not a cap on a batch. Default 20, at least 1. */
  flushAt?: number | undefined;
  /** Milliseconds from the first queued event to a flush; later events do not reset it. Default 10,000. */
  flushInterval?: number | null | undefined;
  /** Queued bytes that trigger a flush. Default 460,800. */
  maxQueueSize?: number | undefined;
  /** `false` sends nothing; calls are still validated and call back. Default true. */
  enable?: boolean | undefined;
  /** Milliseconds, or a text such as `'10s'`, that one request may take. Default 30,000. */
  timeout?: number | string | false | undefined;
  /** Retries after the first attempt; 0 turns them off. By default only `retryDeadlineMs` bounds them. */
  retryCount?: number | undefined;
  /** Called once for each failed batch and for dropped events; `flush` then resolves nonetheless. */
  errorHandler?: ((error: AnalyticsError) => void) | undefined;

  /** The successor's name for `enable: false`. */
  disable?: boolean | undefined;
  /** The successor's name for `retryCount`. */
  maxRetries?: number | undefined;
  /** The successor's name for `timeout`, in milliseconds. */
  httpRequestTimeout?: number | undefined;
  /** The successor's older name for `flushAt`. */
  maxEventsInBatch?: number | undefined;

  /**
   * How long a batch is retried, in milliseconds from its first attempt. Default 60,000. With a `spool`, 14,400,000
   * (4 hours): the batch is then kept nonetheless, and its callbacks get `SPOOL_KEPT`.
   */
  retryDeadlineMs?: number | undefined;
  /** Requests under way at once. Default 1, at least 1; more may deliver events out of order. */
  maxConcurrentRequests?: number | undefined;
  /** Events held in memory: queued, waiting for a retry or in flight. Default 100,000, at least 1. */
  maxBufferedEvents?: number | undefined;
  /** Bytes of their JSON held in memory. Default 67,108,864 (64 MB), at least 32,768. */
  maxBufferedBytes?: number | undefined;
  /** Which event goes when a bound is reached; its callback gets the code `QUEUE_FULL`. Default `drop-newest`. */
  overflow?: Overflow | undefined;
  /**
   * A disk buffer: what was tracked is delivered also after a crash and after a long outage. None by default.
   * Not in edge runtimes.
   */
  spool?: SpoolOptions | undefined;
  /** Milliseconds that a process with nothing else to do is held to deliver what is left. Default 3,000; 0 never. */
  exitDrainMs?: number | undefined;
  /**
   * Flush when the process is asked to end, for at most `exitDrainMs`. `true`: at SIGTERM, SIGINT and
   * SIGHUP. The process then ends as by that signal, unless something else listens to it too: then that
   * decides. Default false: signals are the program's.
   */
  exitHook?: boolean | readonly `SIG${string}`[] | undefined;
  /**
   * One line for each request, retry, batch that is given up or refused, and drop: to this function, or with
   * `true` to stderr. Default: where `NODE_DEBUG=millrace` says so. Never anything of events, nor the write key.
   */
  debug?: Debug | undefined;
  /** `context.library.name` and the user-agent. Default `@millrace/node`. */
  libraryName?: string | undefined;
  /** `context.library.version` and the user-agent. Default: the version of this package. */
  libraryVersion?: string | undefined;
}

/** Source: https://segment.com/docs/guides/regional-segment/ */
const REGION_HOSTS = { us: 'https://api.segment.io', eu: 'https://events.eu1.segmentapis.com' } as const;
export type Region = keyof typeof REGION_HOSTS;

export type AnalyticsSettings = AnalyticsOptions & { writeKey: string };

const OVERFLOWS = ['drop-newest', 'drop-oldest'] as const;
export type Overflow = (typeof OVERFLOWS)[number];

/** With a spool, callbacks and flushes may wait for an outage to end. */
const SPOOL_DEADLINE_MS = 4 * 60 * 60 * 1_000;

export interface ResolvedOptions extends ResolvedTransportOptions {
  writeKey: string;
  /** Made as a client of @segment/analytics-node is, whose users rely on more than the six calls. */
  isSettingsForm: boolean;
  host: string;
  path: string;
  flushAt: number;
  flushInterval: number;
  maxQueueSize: number;
  enable: boolean;
  timeout: number | string | false;
  retryCount: number | undefined;
  retryDelay: ((retryNumber: number, error: AnalyticsError) => number) | undefined;
  errorHandler: ((error: AnalyticsError) => void) | undefined;
  retryDeadlineMs: number;
  maxConcurrentRequests: number;
  maxBufferedEvents: number;
  maxBufferedBytes: number;
  overflow: Overflow;
  /** As given: what it may be is for those to say who open it. */
  spool: SpoolOptions | undefined;
  exitDrainMs: number;
  exitHook: boolean | readonly `SIG${string}`[];
  debug: Debug | undefined;
  libraryName: string;
  libraryVersion: string;
}

/**
 * Both constructor forms as one. Options that analytics-node has are read as leniently as it does
 * (`flushAt: '5'` is 5, `flushInterval: null` the default); those that it has not are checked.
 * @throws Error naming the option, what it may be, and what was found.
 */
export function resolveOptions(
  first: string | AnalyticsSettings,
  second: AnalyticsOptions | null = {},
): ResolvedOptions {
  // A host in its place would be overlooked, and the events go to Segment.
  if (typeof second !== 'object') throw optionError('options', 'an object', second);
  const options: AnalyticsOptions = (typeof first === 'object' ? first : second) ?? {};
  const writeKey = typeof first === 'object' ? first?.writeKey : first;
  if (!writeKey) throw usageError("You must pass your Segment project's write key.");
  const isSettingsForm = typeof first === 'object';
  for (const name of UNSUPPORTED_OPTIONS) {
    if (!(options as Record<string, unknown>)[name]) continue;
    throw usageError(`The option "${name}" needs a process of Node, which this runtime is not.`);
  }
  const retries = retryCount(options);
  return {
    ...resolveTransportOptions(options, retries),
    writeKey,
    isSettingsForm,
    ...(isSettingsForm ? resolvedAddress(options) : givenAddress(options)),
    flushAt: flushAt(options),
    flushInterval: options.flushInterval || 10_000,
    maxQueueSize: options.maxQueueSize || 460_800,
    // Only booleans count for the one, and whatever is true for the other, as where they come from.
    enable: options.enable !== false && !options.disable,
    timeout: duration('timeout', options.timeout || options.httpRequestTimeout || axiosTimeout(options)),
    retryCount: retries,
    retryDelay: retryDelay(options),
    errorHandler: options.errorHandler,
    retryDeadlineMs: wholeNumber(
      'retryDeadlineMs',
      options.retryDeadlineMs,
      options.spool ? SPOOL_DEADLINE_MS : 60_000,
      0,
    ),
    maxConcurrentRequests: wholeNumber('maxConcurrentRequests', options.maxConcurrentRequests, 1, 1),
    maxBufferedEvents: wholeNumber('maxBufferedEvents', options.maxBufferedEvents, 100_000, 1),
    maxBufferedBytes: wholeNumber('maxBufferedBytes', options.maxBufferedBytes, 64 * 1024 * 1024, 32_768),
    overflow: overflow(options.overflow),
    spool: options.spool ?? undefined,
    exitDrainMs: wholeNumber('exitDrainMs', options.exitDrainMs, 3_000, 0),
    exitHook: options.exitHook ?? false,
    debug: debug(options.debug),
    libraryName: headerText('libraryName', options.libraryName, LIBRARY_NAME),
    libraryVersion: headerText('libraryVersion', options.libraryVersion, LIBRARY_VERSION),
  };
}

interface Address {
  host: string;
  path: string;
}

/** One behind the other, as analytics-node has it. */
function givenAddress(options: AnalyticsOptions): Address {
  return { host: hostOf(options), path: address('path', options.path, '/v1/batch') };
}

/** As @segment/analytics-node has it: `path` is resolved against `host`, whose own path gives way. */
function resolvedAddress(options: AnalyticsOptions): Address {
  const given = givenAddress(options);
  // A slash at its end counts here.
  const base = options.host || given.host;
  if (!URL.canParse(given.path, base)) return given;
  const url = new URL(given.path, base);
  const place = withoutTrailingSlashes(`${url.pathname}${url.search}`);
  url.pathname = '';
  url.search = '';
  url.hash = '';
  return { host: withoutTrailingSlashes(url.href), path: place };
}

function hostOf({ host, region }: AnalyticsOptions): string {
  const regionHost = region === undefined || region === null ? undefined : regionHostOf(region);
  const given = address('host', host, regionHost ?? REGION_HOSTS.us);
  if (regionHost === undefined || given === regionHost) return given;
  throw optionError('region', `left out beside a host other than ${regionHost}`, region);
}

function regionHostOf(region: Region): string {
  if (Object.hasOwn(REGION_HOSTS, region)) return REGION_HOSTS[region];
  throw optionError('region', `one of ${Object.keys(REGION_HOSTS).join(', ')}`, region);
}

function address(name: string, value: string | undefined, fallback: string): string {
  if (!value) return fallback;
  if (typeof value === 'string') return withoutTrailingSlashes(value);
  throw optionError(name, 'a string', value);
}

function withoutTrailingSlashes(text: string): string {
  let end = text.length;
  while (text[end - 1] === '/') end -= 1;
  return text.slice(0, end);
}

function flushAt({ flushAt, maxEventsInBatch }: AnalyticsOptions): number {
  return Math.max(Number(flushAt === undefined ? maxEventsInBatch : flushAt), 1) || 20;
}

/** What a program has set on its axios holds, as it did, unless the client is told otherwise. */
function axiosTimeout({ axiosConfig, axiosInstance }: AnalyticsOptions): number | undefined {
  return axiosConfig?.timeout || axiosInstance?.defaults?.timeout;
}

function retryCount(options: AnalyticsOptions): number | undefined {
  const { retryCount, maxRetries, axiosRetryConfig } = options;
  // As analytics-node has it: no retries at all, or those of the configuration.
  if (retryCount !== 0 && typeof axiosRetryConfig?.retries === 'number') {
    return countOrInfinity('axiosRetryConfig.retries', axiosRetryConfig.retries);
  }
  if (typeof retryCount === 'number') return countOrInfinity('retryCount', retryCount);
  return typeof maxRetries === 'number' ? countOrInfinity('maxRetries', maxRetries) : undefined;
}

function countOrInfinity(name: string, value: number): number {
  return value === Infinity ? value : wholeNumber(name, value, 0, 0);
}

function retryDelay({ axiosRetryConfig }: AnalyticsOptions): ResolvedOptions['retryDelay'] {
  const delay = axiosRetryConfig?.retryDelay;
  if (delay === undefined || delay === null || typeof delay === 'function') return delay ?? undefined;
  throw optionError('axiosRetryConfig.retryDelay', 'a function', delay);
}

function duration(name: string, value: number | string | false | undefined): number | string | false {
  if (!value) return false;
  if (parseDurationMs(value) !== undefined) return value;
  throw optionError(name, "a number of milliseconds or a text such as '10s'", value);
}

function wholeNumber(name: string, value: number | undefined, fallback: number, least: number): number {
  if (value === undefined || value === null) return fallback;
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw optionError(name, `a whole number of at least ${least}`, value);
}

function overflow(value: Overflow | undefined): Overflow {
  if (value === undefined || value === null) return 'drop-newest';
  if (OVERFLOWS.includes(value)) return value;
  throw optionError('overflow', `one of ${OVERFLOWS.join(', ')}`, value);
}

function debug(value: Debug | undefined): Debug | undefined {
  if (value === undefined || value === null || typeof value === 'boolean') return value ?? undefined;
  if (typeof value === 'function') return value;
  throw optionError('debug', 'true, false or a function', value);
}

function headerText(name: string, value: string | undefined, fallback: string): string {
  if (value === undefined || value === null) return fallback;
  if (typeof value === 'string' && /^[\x21-\x7e]+$/.test(value)) return value;
  throw optionError(name, 'visible ASCII characters without spaces', value);
}

/**
 * The `timeout` of a flush in milliseconds; undefined when it may take as long as it takes.
 * @throws Error when it is neither a number nor a text such as `'10s'`.
 */
export function flushTimeoutMs(timeout: number | string | undefined): number | undefined {
  if (timeout === undefined || timeout === null || timeout === Infinity) return undefined;
  const timeoutMs = timeout === 0 ? 0 : parseDurationMs(timeout);
  if (timeoutMs !== undefined) return timeoutMs;
  throw optionError('timeout', "a number of milliseconds or a text such as '10s'", timeout);
}
