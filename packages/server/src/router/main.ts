import { join } from 'node:path';
import { pino } from 'pino';
import { systemClock } from '../clock.ts';
import { ConfigError, loadConfig } from '../config.ts';
import { createDestination } from '../destinations/index.ts';
import { LedgerVersionError, openLedger } from '../ledger/index.ts';
import { sqliteFault } from '../sqlite/index.ts';
import { EpochError, LedgerUnusableError, type Ledger } from '../ledger/ledger.ts';
import { LockHeldError, takeOverLock } from '../lock.ts';
import { openSegmentReader } from '../log/index.ts';
import type { DurableEnds, LogStarts } from '../log/log.ts';
import { describeError } from './describe-error.ts';
import type { ToRouter, ToServer } from './ipc.ts';
import { IndexBuilder } from '../search/index.ts';
import { openRouter, type Router } from './router.ts';
import { keepLedger } from './upkeep.ts';

/** The child process of the server in which destinations run. Talks by `ipc.ts` only. */

const logger = pino({ name: 'router' }, pino.destination({ dest: 2, sync: true }));
/** How long a router whose server was killed may take to notice, before it is ended. */
const LOCK_WAIT_MS = 10_000;
const NEEDS_EVERY_MS = 1_000;

let durableEnds: DurableEnds = {};
let starts: LogStarts = {};
const stopping = new AbortController();
let running: { router: Router; ledger: Ledger; index: IndexBuilder } | undefined;
/** One after the other: each may stop deliveries and start them anew. */
let released: Promise<void> = Promise.resolve();
let toldNeeds = '';

process.on('message', (message) => {
  const told = message as ToRouter;
  switch (told.type) {
    case 'start':
      void start(told).catch(fail);
      break;
    case 'check':
      void check(told).catch(fail);
      break;
    case 'durable':
      durableEnds = told.ends;
      running?.router.setDurableEnds(durableEnds);
      running?.index.setDurableEnds(durableEnds);
      break;
    case 'starts':
      starts = told.starts;
      released = released.then(keepUpWithStarts).catch(ledgerFailed);
      break;
    case 'release':
      released = released.then(() => release(told)).catch(ledgerFailed);
      break;
    case 'changeDead':
      changeDead(told);
      break;
    case 'stop':
      void stop().catch(fail);
      break;
  }
});
// The server is dead; a new one may be waiting for our lock.
process.on('disconnect', () => process.exit(1));
// A terminal and systemd signal the whole group; the server says when it is time to stop.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => {});
process.on('SIGHUP', () => {});
process.on('uncaughtException', (error) => {
  logger.fatal(describeError(error), 'uncaught exception');
  process.exit(1);
});

async function start(told: Extract<ToRouter, { type: 'start' }>): Promise<void> {
  logger.level = told.logLevel;
  durableEnds = told.durableEnds;
  starts = told.starts;
  const config = await loadConfig(told.configFile);
  // Held until the process ends.
  await takeOverLock(join(told.dataDir, 'router.lock'), { waitMs: LOCK_WAIT_MS });
  const ledger = openLedger(join(told.dataDir, 'ledger.db'));
  const router = await openRouter({
    configs: config.destinations,
    createDestination,
    ledger,
    openReader: () => Promise.resolve(openSegmentReader({ dir: join(told.dataDir, 'log') })),
    durableEnds: told.durableEnds,
    starts: told.starts,
    clock: systemClock,
    logger,
    onStatus: (destinations) => send({ type: 'status', destinations }),
    onLedgerError: ledgerFailed,
  });
  const index = new IndexBuilder({
    dir: join(told.dataDir, 'index'),
    reader: openSegmentReader({ dir: join(told.dataDir, 'log') }),
    clock: systemClock,
    logger,
  });
  running = { router, ledger, index };
  await keepUpWithStarts();
  sendNeeds(router);
  setInterval(sendNeeds, NEEDS_EVERY_MS, router).unref();
  send({ type: 'status', destinations: router.status() });
  send({ type: 'ready' });
  router.setDurableEnds(durableEnds);
  index.setDurableEnds(durableEnds);
  index.start();
  const { signal } = stopping;
  void keepLedger({ ledger, retainMs: config.log.retainMs, clock: systemClock, logger, signal });
}

/** Takes no lock and opens nothing: another router is at work. */
async function check(told: Extract<ToRouter, { type: 'check' }>): Promise<void> {
  logger.level = told.logLevel;
  const { destinations } = await loadConfig(told.configFile);
  for (const config of destinations) if (config.enabled !== false) await createDestination(config);
  send({ type: 'checked' }, () => process.exit(0));
}

/** What the router before this one has allowed may be needed here: it had another config. */
async function keepUpWithStarts(): Promise<void> {
  if (!running) return;
  const { router } = running;
  const needs = Object.values(router.needs());
  for (const [key, start] of Object.entries(starts)) {
    const partition = Number(key);
    const isNeeded = needs.some((need) => (need[partition] ?? start) < start);
    if (isNeeded) await router.release(partition, start, true);
  }
  router.setStarts(starts);
}

async function release(told: Extract<ToRouter, { type: 'release' }>): Promise<void> {
  if (!running) return;
  const before = await running.router.release(told.partition, told.before, told.drop);
  sendNeeds(running.router);
  send({ type: 'released', id: told.id, before });
}

function sendNeeds(router: Router): void {
  const needs = router.needs();
  const text = JSON.stringify(needs);
  if (text !== toldNeeds) send({ type: 'needs', needs });
  toldNeeds = text;
}

/** Without an answer where we have only just started, or the ledger fails, which ends this process. */
function changeDead({ id, action, selection }: Extract<ToRouter, { type: 'changeDead' }>): void {
  if (!running) return;
  const change = running.router.changeDead(action, selection);
  if (change) send({ type: 'changed', id, change });
}

async function stop(): Promise<void> {
  stopping.abort();
  await Promise.all([running?.router.stop(), running?.index.stop()]);
  running?.ledger.close();
  process.exit(0);
}

function ledgerFailed(error: unknown): void {
  fail(error, `ledger.db cannot be written: ${sqliteFault(error) ?? 'see the log of the router'}`);
}

function fail(error: unknown, otherwise = 'the router cannot work; see its log'): void {
  logger.fatal(describeError(error), 'the router cannot work');
  send({ type: 'failed', message: safeWords(error) ?? otherwise }, () => process.exit(1));
}

/** Of the errors that are ours to show. */
function safeWords(error: unknown): string | undefined {
  if (error instanceof EpochError) return 'another router has taken over the ledger';
  const isOurs =
    error instanceof ConfigError ||
    error instanceof LockHeldError ||
    error instanceof LedgerUnusableError ||
    error instanceof LedgerVersionError;
  return isOurs ? error.message : undefined;
}

function send(message: ToServer, sent?: () => void): void {
  process.send?.(message, undefined, undefined, sent);
}
