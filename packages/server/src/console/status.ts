import type { DestinationTotals, LedgerReader } from '../ledger/ledger.ts';
import type { DurableEnds } from '../log/log.ts';
import type { DestinationStatus } from '../router/ipc.ts';
import type { RefusedRing } from './refused-ring.ts';
import type { DestinationView, LogView, RouterView, SourceStatus, Status } from './wire.ts';

export interface ConsoleSource {
  id: string;
  name: string;
  writeKey: string;
}

/** What the config says of a destination; never its settings, which hold secrets. */
export interface ConsoleDestination {
  id: string;
  kind: string;
  /** The key in an event's `integrations` object. */
  name: string;
  enabled: boolean;
}

export interface RouterStatus extends RouterView {
  destinations: readonly DestinationStatus[];
}

export interface StatusOptions {
  startedAtMs: number;
  trackingUrl: string;
  acceptsAnyWriteKey: () => boolean;
  /** Why the config file as it stands is not what runs. */
  configFault: () => string | undefined;
  /** Events made durable since the start. */
  receivedCount: () => number;
  refused: RefusedRing;
  sources: () => readonly ConsoleSource[];
  destinations: () => readonly ConsoleDestination[];
  routerStatus: () => RouterStatus;
  logStatus: () => LogView;
  ledger: Pick<LedgerReader, 'totals'>;
  durableEnds: () => DurableEnds;
  /** Called with why the ledger could not be read. */
  onLedgerError: (error: unknown) => void;
}

export function readStatus(options: StatusOptions): Status {
  const { destinations, ...router } = options.routerStatus();
  const ends = options.durableEnds();
  const totals = readTotals(options);
  const fault = options.configFault();
  return {
    startedAtMs: options.startedAtMs,
    trackingUrl: options.trackingUrl,
    acceptsAnyWriteKey: options.acceptsAnyWriteKey(),
    ...(fault !== undefined && { configFault: fault }),
    counts: { receivedCount: options.receivedCount(), ...options.refused.counts() },
    sources: options.sources().map(maskSource),
    destinations: options.destinations().map((destination) => ({
      id: destination.id,
      kind: destination.kind,
      name: destination.name,
      ...stateOf(
        destination,
        router,
        destinations.find(({ destinationId }) => destinationId === destination.id),
      ),
      ...figuresOf(
        totals?.find(({ destinationId }) => destinationId === destination.id),
        ends,
      ),
    })),
    router,
    log: options.logStatus(),
    ledgerReadable: totals !== undefined,
  };
}

function readTotals({ ledger, onLedgerError }: StatusOptions): DestinationTotals[] | undefined {
  try {
    return ledger.totals();
  } catch (error) {
    onLedgerError(error);
    return undefined;
  }
}

function stateOf(
  { enabled }: ConsoleDestination,
  router: RouterView,
  status: DestinationStatus | undefined,
): Pick<DestinationView, 'state' | 'reason' | 'sinceMs' | 'nextProbeMs'> {
  if (!enabled) return { state: 'disabled' };
  if (router.state === 'failed')
    return { state: 'stopped', reason: router.reason ?? 'the router is not running' };
  if (router.state === 'starting' || !status) return { state: 'starting' };
  const { destinationId: _, ...view } = status;
  return view;
}

type Figures = Omit<DestinationView, 'id' | 'kind' | 'name' | 'state' | 'reason' | 'sinceMs' | 'nextProbeMs'>;

function figuresOf(totals: DestinationTotals | undefined, ends: DurableEnds): Figures {
  if (!totals)
    return {
      deliveredCount: 0,
      reorderedCount: 0,
      pendingCount: 0,
      filtered: {},
      dead: {},
      dropped: {},
      revived: {},
      lagCount: 0,
    };
  const lags = Object.entries(totals.cursors).map(([partition, cursor]) =>
    Math.max(0, (ends[Number(partition)] ?? cursor) - cursor),
  );
  return {
    deliveredCount: totals.deliveredCount,
    reorderedCount: totals.reorderedCount,
    pendingCount: totals.pendingCount,
    filtered: totals.filtered,
    dead: totals.dead,
    dropped: totals.dropped,
    revived: totals.revived,
    lagCount: lags.reduce((sum, lag) => sum + lag, 0),
    ...(totals.lastFailure ? { lastFailure: totals.lastFailure } : {}),
  };
}

function maskSource({ id, name, writeKey }: ConsoleSource): SourceStatus {
  return { id, name, maskedWriteKey: maskWriteKey(writeKey) };
}

/** The last four characters of a key long enough that they give little away. */
export function maskWriteKey(writeKey: string): string {
  return writeKey.length >= 12 ? `…${writeKey.slice(-4)}` : '…';
}
