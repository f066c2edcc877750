import { open, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import type { Clock } from './clock.ts';
import {
  SourcesFileError,
  configuredSources,
  createCollector,
  discoveredSources,
  type SourceRegistry,
} from './collector/index.ts';
import { loadConfig, type Config } from './config.ts';
import { countReceived, createConsole, createMetrics, createRefusedRing } from './console/index.ts';
import { destinationKinds } from './destinations/index.ts';
import { openLedgerReader } from './ledger/index.ts';
import type { LedgerReader } from './ledger/ledger.ts';
import { SqliteUnavailableError, sqliteFault } from './sqlite/index.ts';
import type { Readiness } from './health.ts';
import { bindFault, isLoopback, listen } from './listen.ts';
import { LockHeldError, acquireLock } from './lock.ts';
import {
  LogReadError,
  noticeLevel,
  noticeWords,
  openSegmentLog,
  openSegmentReader,
  realDisk,
  startTrimming,
  type TrimNotice,
} from './log/index.ts';
import { RefusedFileError, openRefusedStore } from './refused/index.ts';
import { createReloader } from './reload.ts';
import { createLogSearch, followLog, openIndexFolder } from './search/index.ts';
import { createTraceReader } from './trace/index.ts';
import { RouterStartError, startRouter, type RouterStatus } from './router/supervisor.ts';

/** `dev` accepts every write key while no source is configured; `start` needs configured sources. */
export type ServerMode = 'dev' | 'start';

export interface ServerOptions {
  mode: ServerMode;
  /** Port of the Tracking API; 0 picks a free one. */
  port: number;
  consolePort: number;
  host: string;
  consoleHost: string;
  consoleToken: string | undefined;
  /** Made when it does not exist; one server at a time. */
  dataDir: string;
  configFile: string | undefined;
  /** Of the package. */
  version: string;
  clock: Clock;
  logger: Logger;
  /** Aborted, it ends the start where that waits for the router; the start then fails. */
  signal?: AbortSignal;
}

export interface RunningServer {
  trackingUrl: string;
  consoleUrl: string;
  /** No source is configured: each write key becomes one. */
  acceptsAnyWriteKey: boolean;
  /** Reads the config file again; where it cannot be used, all stays as it is and the log says why. Never rejects. */
  reload(): Promise<void>;
  /** Stops accepting, finishes what is in flight, syncs. */
  stop(): Promise<void>;
}

/** The server cannot start; the message is one line for the user. */
export class StartupError extends Error {
  override readonly name = 'StartupError';
}

/** How long deliveries in flight may take to finish at a stop; then they are cut, and made again later. */
const ROUTER_STOP_MS = 15_000;

/**
 * Puts the stages together: log, router process, console, collector, in this order, so that nothing
 * is accepted before all that follows it is ready.
 * @throws {StartupError} With the reason in one line; what was started is stopped again.
 * @throws {ConfigError} The config file cannot be used.
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const stops: (() => Promise<void> | void)[] = [];
  const stop = async (): Promise<void> => {
    for (let undo = stops.pop(); undo; undo = stops.pop()) await undo();
  };
  try {
    const running = await start(options, (undo) => stops.push(undo));
    return { ...running, stop };
  } catch (error) {
    await stop();
    throw startupError(error, options.dataDir);
  }
}

async function start(
  options: ServerOptions,
  onStop: (undo: () => Promise<void> | void) => void,
): Promise<Omit<RunningServer, 'stop'>> {
  const { mode, host, consoleHost, consoleToken, dataDir, configFile, clock, logger } = options;
  const config = await loadConfig(configFile);
  const faultOf = ({ sources }: Config): string | undefined =>
    bindFault({ mode, host, consoleHost, consoleToken, sourceCount: sources.length, configFile });
  const fault = faultOf(config);
  if (fault) throw new StartupError(fault);

  await prepareFolder(dataDir);
  const lock = await acquireLock(join(dataDir, 'server.lock'), { waitMs: 0 });
  onStop(() => lock.release());

  const logDir = join(dataDir, 'log');
  let logFault: string | undefined;
  const log = await openSegmentLog({
    dir: logDir,
    clock,
    maxSegmentBytes: config.log.segmentMaxBytes,
    maxSegmentAgeMs: config.log.segmentMaxAgeMs,
    dedupeWindowMs: config.log.dedupeWindowMs,
    dedupeMaxMemoryBytes: config.log.dedupeMaxMemoryBytes,
    onDedupeNotice: (notice) => logger[noticeLevel(notice)]({ dedupe: notice }, noticeWords(notice)),
    onHealthChange: (error) => {
      logFault = error?.code;
      if (error)
        logger.error({ code: error.code, cause: reasonOf(error.cause) }, 'the log cannot be written');
      else logger.warn('the log can be written again');
    },
  });
  onStop(() => log.close());
  if (log.cut)
    logger.warn({ cut: log.cut }, 'the log ended in a commit that was never answered; it was cut off');

  for (const damage of log.damage)
    logger.error({ damage }, 'the log is damaged; deliveries stop there, and new events are kept');

  // A reload puts another one in its place.
  let current = { config, sources: await openSources(config, dataDir) };
  const acceptsAnyWriteKey = (): boolean => current.config.sources.length === 0;
  const router = await startRouter({
    entry: fileURLToPath(new URL('router.js', import.meta.url)),
    dataDir,
    configFile,
    logLevel: logger.level,
    log,
    clock,
    logger,
    ...(options.signal && { signal: options.signal }),
  });
  onStop(() => router.stop({ timeoutMs: ROUTER_STOP_MS }));
  const reloader =
    configFile === undefined
      ? undefined
      : createReloader({
          configFile,
          config,
          router,
          faultOf,
          async apply(reloaded) {
            current = { config: reloaded, sources: await openSources(reloaded, dataDir) };
          },
          routerStopMs: ROUTER_STOP_MS,
          logger,
        });

  const reader = openSegmentReader({ dir: logDir });
  onStop(() => reader.close());
  const trimming = startTrimming({
    log,
    reader,
    retention: config.log,
    async freeDiskBytes() {
      const { bavail, bsize } = await statfs(logDir);
      return bavail * bsize;
    },
    needs: () => router.needs(),
    release: (partition, before, drop, signal) => router.release(partition, before, drop, signal),
    onStarts: (starts) => router.setStarts(starts),
    onNotice: (notice) => tellOfTrim(logger, notice),
    clock,
  });
  onStop(() => trimming.stop());

  const metrics = createMetrics({ version: options.version });
  const counted = countReceived(trimming.log, (durationMs) => metrics.observeAppend(durationMs));
  const refused = createRefusedRing({ runId: String(clock.nowMs()) });
  const refusedStore = openRefusedStore({
    path: join(dataDir, 'refused.db'),
    clock,
    onError: (error) =>
      logger.error({ fault: sqliteFault(error) ?? reasonOf(error) }, 'refused events are not kept'),
  });
  onStop(() => refusedStore.close());
  const ledger = openLedgerReader(join(dataDir, 'ledger.db'));
  onStop(() => ledger.close());
  const readiness = (): Readiness => ({
    log: logFault ?? (trimming.status().refusing ? 'disk_full' : 'ready'),
    router: partOf(router.status()),
    ledger: isReadable(ledger) ? 'ready' : 'cannot be read',
  });
  const collector = createCollector({
    log: counted.log,
    readiness,
    publicUrl: config.publicUrl,
    trustProxy: config.trustProxy,
    sources: {
      resolve: (writeKey) => current.sources.resolve(writeKey),
      list: () => current.sources.list(),
    },
    clock,
    logger,
    onRefused(refusal) {
      refused.add(refusal);
      refusedStore.add(refusal);
    },
  });
  onStop(() => collector.close());
  const trackingUrl = await listenOrSay(collector, host, options.port, '--port');

  const followReader = openSegmentReader({ dir: logDir });
  onStop(() => followReader.close());
  const openIndex = followLog({ log, reader: followReader, clock });
  onStop(() => openIndex.stop());
  const searchReader = openSegmentReader({ dir: logDir });
  onStop(() => searchReader.close());
  const search = createLogSearch({
    reader: searchReader,
    bounds: () => log,
    folder: openIndexFolder({
      dir: join(dataDir, 'index'),
      onUnusable: (file, error) =>
        logger.warn({ file, err: error }, 'a search index cannot be used; the log is read instead'),
    }),
    openIndex,
    clock,
  });
  const traces = createTraceReader({ search, ledger, duplicates: (id) => refusedStore.duplicatesOf(id) });
  const console = createConsole({
    trackingUrl,
    acceptsAnyWriteKey,
    configFault: () => reloader?.fault(),
    log,
    reader,
    receivedCount: counted.receivedCount,
    refused,
    refusedStore,
    sources: () => current.sources.list(),
    destinations: () =>
      current.config.destinations.map(({ id, kind, enabled = true }) => ({
        id,
        kind,
        name: destinationKinds[kind]!.name,
        enabled,
      })),
    routerStatus: () => router.status(),
    logStatus: () => ({ ...trimming.status(), starts: log.starts }),
    readiness,
    metrics,
    changeDead: (action, selection) => router.changeDead(action, selection),
    ledger,
    search,
    trace: (messageId, signal) => traces.trace(messageId, signal),
    hosts: isLoopback(consoleHost) ? [] : [consoleHost],
    token: consoleToken,
    staticDir: fileURLToPath(new URL('console', import.meta.url)),
    clock,
    logger,
  });
  onStop(() => console.close());
  const consoleUrl = await listenOrSay(console, consoleHost, options.consolePort, '--console-port');
  // For commands on this data folder, which know the lock but not the port.
  const addressFile = join(dataDir, 'server.json');
  await writeFile(addressFile, JSON.stringify({ trackingUrl, consoleUrl }), { mode: 0o600 });
  onStop(() => rm(addressFile, { force: true }));
  return {
    trackingUrl,
    consoleUrl,
    acceptsAnyWriteKey: acceptsAnyWriteKey(),
    async reload() {
      if (reloader) await reloader.reload();
      else logger.warn('there is no config file to reload');
    },
  };
}

function partOf({ state, reason = state }: RouterStatus): string {
  return state === 'running' ? 'ready' : reason;
}

function isReadable(ledger: LedgerReader): boolean {
  try {
    ledger.check();
    return true;
  } catch {
    return false;
  }
}

function tellOfTrim(logger: Logger, notice: TrimNotice): void {
  const { kind, ...facts } = notice;
  switch (kind) {
    case 'trimmed':
      return logger.info(facts, 'the oldest part of the log was given up');
    case 'refusing':
      return logger.error(facts, 'the log is full: new events are answered 503');
    case 'accepting':
      return logger.warn('the log has room again: new events are accepted');
    case 'failed': {
      const { name, code } = Object(notice.error) as { name?: unknown; code?: unknown };
      return logger.warn({ error: { name, code } }, 'the log could not be trimmed; trying again');
    }
  }
}

async function openSources(config: Config, dataDir: string): Promise<SourceRegistry> {
  if (config.sources.length > 0) return configuredSources(config.sources);
  return discoveredSources({ file: join(dataDir, 'sources.json') });
}

/**
 * Makes the folder and tries whether it can be written, so that the answer is about the folder.
 * @throws {StartupError} It cannot.
 */
export async function prepareFolder(dataDir: string): Promise<void> {
  const probe = join(dataDir, `.writable-${process.pid}`);
  try {
    // Synced in the folder above it: else power loss could take it away with all that is synced in it.
    await realDisk.makeDirectory(dataDir);
    await (await open(probe, 'w')).close();
    await rm(probe);
  } catch (error) {
    throw new StartupError(
      `--data ${dataDir}: expected a folder that can be written, got ${reasonOf(error)}`,
      {
        cause: error,
      },
    );
  }
}

async function listenOrSay(app: FastifyInstance, host: string, port: number, flag: string): Promise<string> {
  try {
    return await listen(app, host, port);
  } catch (error) {
    const reason = errnoOf(error) === 'EADDRINUSE' ? 'the port is already in use' : reasonOf(error);
    throw new StartupError(`${flag} ${port}: cannot listen on ${host}: ${reason}`, { cause: error });
  }
}

/** The failures that a user can do something about, in words; any other is a bug and stays as it is. */
function startupError(error: unknown, dataDir: string): unknown {
  if (error instanceof LockHeldError) {
    return new StartupError(`another server uses this data folder: ${error.message}`, { cause: error });
  }
  const isOurs =
    error instanceof RouterStartError ||
    error instanceof LogReadError ||
    error instanceof SourcesFileError ||
    error instanceof RefusedFileError ||
    error instanceof SqliteUnavailableError;
  if (isOurs) return new StartupError(error.message, { cause: error });
  // What is in the folder, such as a log of another user, where prepareFolder has found the folder sound.
  const reason = sqliteFault(error) ?? /^E[A-Z0-9]+$/.exec(errnoOf(error) ?? '')?.[0];
  if (!reason || !(error instanceof Error)) return error;
  const { path = '' } = error as NodeJS.ErrnoException;
  const place = path.startsWith(dataDir) ? path : dataDir;
  return new StartupError(`--data ${place}: cannot be used: ${reason}`, { cause: error });
}

function reasonOf(error: unknown): string {
  return errnoOf(error) ?? 'an unknown error';
}

function errnoOf(error: unknown): string | undefined {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
}
