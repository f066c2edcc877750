import type { Clock } from '../clock.ts';
import type { Destination, DestinationConfig } from '../destinations/destination.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { DurableEnds, LogReader } from '../log/log.ts';
import { Delivery, type DeliveryState } from './delivery.ts';
import type { RouterLogger } from './describe-error.ts';
import type { DestinationStatus } from './ipc.ts';

export interface RouterOptions {
  configs: readonly DestinationConfig[];
  /** Makes the destination of an enabled config. */
  createDestination: (config: DestinationConfig) => Promise<Destination>;
  ledger: Ledger;
  /** Called once for each enabled destination: where one reads is no business of the others. */
  openReader: () => Promise<LogReader>;
  /** The router owns these partitions. A destination that is new in one starts at its end. */
  durableEnds: DurableEnds;
  clock: Clock;
  logger: RouterLogger;
  onStatus: (destinations: DestinationStatus[]) => void;
  /** The ledger cannot be written: nothing is delivered any more. Called once. */
  onLedgerError: (error: unknown) => void;
}

export interface Router {
  status(): DestinationStatus[];
  setDurableEnds(ends: DurableEnds): void;
  /** Finishes what is in flight, at most 11 s, and closes the readers. The ledger stays open. */
  stop(): Promise<void>;
}

interface Route {
  destinationId: string;
  reader: LogReader;
  deliveries: readonly Delivery[];
}

/**
 * Gives each enabled destination its own deliveries, one a partition. When it resolves, every one of
 * them has a cursor in the ledger, so nothing that is accepted from then on can be missed.
 */
export async function openRouter(options: RouterOptions): Promise<Router> {
  const { configs, createDestination, openReader, ledger, durableEnds, clock, logger } = options;
  const routes: Route[] = [];
  let failed = false;

  const status = (): DestinationStatus[] =>
    routes.map(({ destinationId, deliveries }) => ({
      destinationId,
      ...worstOf(deliveries.map((delivery) => delivery.state)),
    }));
  const stopAll = async (): Promise<void> => {
    await Promise.all(routes.flatMap(({ deliveries }) => deliveries.map((delivery) => delivery.stop())));
    await Promise.all(routes.map(({ reader }) => reader.close()));
  };
  const onLedgerError = (error: unknown): void => {
    if (failed) return;
    failed = true;
    // Each one stops by itself at its next commit; this is to stop them before their next delivery.
    for (const { deliveries } of routes) for (const delivery of deliveries) void delivery.stop();
    options.onLedgerError(error);
  };

  for (const config of configs) {
    if (config.enabled === false) continue;
    const destinationId = config.id;
    const destination = await createDestination(config);
    const reader = await openReader();
    reader.setDurableEnds(durableEnds);
    const deliveries = partitionsOf(durableEnds).map((partition) => {
      startAtEnd(ledger, destinationId, partition, durableEnds[partition]!);
      return new Delivery({
        destinationId,
        destination,
        partition,
        reader,
        ledger,
        clock,
        logger,
        onState: () => options.onStatus(status()),
        onLedgerError,
      });
    });
    routes.push({ destinationId, reader, deliveries });
  }
  for (const { deliveries } of routes) for (const delivery of deliveries) delivery.start();

  return {
    status,
    setDurableEnds(ends) {
      for (const { reader, deliveries } of routes) {
        reader.setDurableEnds(ends);
        for (const delivery of deliveries) delivery.notifyDurable();
      }
    },
    stop: stopAll,
  };
}

function partitionsOf(ends: DurableEnds): number[] {
  return Object.keys(ends).map(Number);
}

function startAtEnd(ledger: Ledger, destinationId: string, partition: number, cursor: number): void {
  if (ledger.load(destinationId, partition).cursor !== undefined) return;
  // Synced before the collector may answer 200: lost, this destination would start at a later end.
  ledger.commit({ destinationId, partition, cursor, decisions: [], pending: [], dead: [], synced: true });
}

/** A destination is as well as its worst partition. */
function worstOf(states: readonly DeliveryState[]): Omit<DestinationStatus, 'destinationId'> {
  const stopped = states.find((state) => state.kind === 'stopped');
  if (stopped) return { state: 'stopped', reason: stopped.reason };
  const unauthorized = states.find((state) => state.kind === 'unauthorized');
  if (unauthorized) return { state: 'unauthorized', reason: unauthorized.code };
  return { state: 'running' };
}
