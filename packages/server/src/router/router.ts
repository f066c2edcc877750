import type { Clock } from '../clock.ts';
import type { Destination, DestinationConfig } from '../destinations/destination.ts';
import type { DeadChange, DeadSelection } from '../ledger/dead-letters.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { DurableEnds, LogReader, LogStarts, Needs, Partition, Position } from '../log/log.ts';
import { passingFault } from '../sqlite/index.ts';
import { Delivery } from './delivery.ts';
import { worstOf } from './delivery-state.ts';
import type { RouterLogger } from './describe-error.ts';
import { expire } from './expire.ts';
import { filterOnReading } from './filter.ts';
import { rulesOf } from './filters/rules.ts';
import { retryPolicyOf } from './retry-policy.ts';
import { preparedDestination } from './prepared-destination.ts';
import { startPosition } from './start-position.ts';
import type { DestinationStatus } from './ipc.ts';
import { Pace } from './pace.ts';

export interface RouterOptions {
  configs: readonly DestinationConfig[];
  /** Makes the destination of an enabled config. */
  createDestination: (config: DestinationConfig) => Promise<Destination>;
  ledger: Ledger;
  /** Called once for each enabled destination: where one reads is no business of the others. */
  openReader: () => Promise<LogReader>;
  /** The router owns these partitions. A destination that is new in one starts at its end, or as its config says. */
  durableEnds: DurableEnds;
  /** What a destination needs before, since it was away for long, is given up. Default: nothing was trimmed. */
  starts?: LogStarts;
  clock: Clock;
  logger: RouterLogger;
  onStatus: (destinations: DestinationStatus[]) => void;
  /** The ledger cannot be written: nothing is delivered any more. Called once. */
  onLedgerError: (error: unknown) => void;
}

export interface Router {
  status(): DestinationStatus[];
  setDurableEnds(ends: DurableEnds): void;
  setStarts(starts: LogStarts): void;
  /** By the ledger: what each enabled destination still needs. */
  needs(): Needs;
  /**
   * Up to where the log may be trimmed, at most to `before`: as far as no destination needs it, be it after power loss.
   * With `drop`, those that need it lose it: their deliveries stop, that is decided, and they go on behind it.
   */
  release(partition: Partition, before: Position, drop: boolean): Promise<Position>;
  /**
   * As `Ledger.changeDead`; what a retry was asked for is taken up at once where its destination is running. Undefined
   * where the ledger cannot be written.
   */
  changeDead(action: 'retry' | 'drop', selection: DeadSelection): DeadChange | undefined;
  /** Finishes what is in flight, at most 11 s, and closes the readers. The ledger stays open. */
  stop(): Promise<void>;
}

interface Route {
  destinationId: string;
  reader: LogReader;
  deliveries: Delivery[];
  open: (partition: Partition) => Delivery;
}

/**
 * Gives each enabled destination its own deliveries, one a partition. When it resolves, every one of
 * them has a cursor in the ledger, so nothing that is accepted from then on can be missed.
 */
export async function openRouter(options: RouterOptions): Promise<Router> {
  const { configs, createDestination, openReader, ledger, durableEnds, clock, logger, starts = {} } = options;
  let isStopped = false;
  const routes: Route[] = [];
  let failed = false;

  const status = (): DestinationStatus[] =>
    routes.map(({ destinationId, deliveries }) => ({
      destinationId,
      ...worstOf(deliveries.map((delivery) => delivery.state)),
    }));
  const stopAll = async (): Promise<void> => {
    isStopped = true;
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

  const giveUp = async (destinationId: string, partition: Partition, before: Position): Promise<void> => {
    const count = await expire(ledger, { destinationId, partition, before });
    logger.warn(
      { destinationId, partition, before, count, code: 'EXPIRED_BEFORE_DELIVERY' },
      'the log had to give up events before the destination got them',
    );
  };

  for (const config of configs) {
    if (config.enabled === false) continue;
    const destinationId = config.id;
    const rules = rulesOf(config.filters);
    const made = await createDestination(config);
    const destination = preparedDestination(made, { ...config, destinationId, rules, clock, logger });
    const filter = filterOnReading(destinationId, made, { ...config, rules });
    const reader = await openReader();
    reader.setDurableEnds(durableEnds);
    const pace = new Pace();
    const open = (partition: Partition): Delivery =>
      new Delivery({
        destinationId,
        destination,
        filter,
        order: config.order,
        retryPolicy: retryPolicyOf(config.retry),
        eventsPerSecond: config.rateLimit?.eventsPerSecond,
        partition,
        reader,
        ledger,
        clock,
        logger,
        pace,
        onState: () => options.onStatus(status()),
        onLedgerError,
      });
    const deliveries: Delivery[] = [];
    for (const partition of partitionsOf(durableEnds)) {
      const start = starts[partition] ?? 0;
      if (ledger.load(destinationId, partition).cursor === undefined) {
        const end = durableEnds[partition]!;
        const found = await startPosition(config.start ?? 'now', { reader, partition, end });
        const cursor = Math.max(found, start);
        const nothing = { decisions: [], pending: [], dead: [] };
        // Synced before the collector may answer 200: lost, this destination would start at a later end.
        ledger.commit({ destinationId, partition, cursor, ...nothing, synced: true });
      }
      if (isNeeded(ledger, destinationId, partition, start)) await giveUp(destinationId, partition, start);
      deliveries.push(open(partition));
    }
    reader.setStarts(starts);
    routes.push({ destinationId, reader, deliveries, open });
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
    setStarts(told) {
      for (const { reader } of routes) reader.setStarts(told);
    },
    needs: () =>
      Object.fromEntries(
        routes.map(({ destinationId }) => [
          destinationId,
          Object.fromEntries(
            partitionsOf(durableEnds).map((each) => [each, ledger.neededFrom(destinationId, each) ?? 0]),
          ),
        ]),
      ),
    async release(partition, before, drop) {
      const index = partitionsOf(durableEnds).indexOf(partition);
      for (const { destinationId, deliveries, open } of routes) {
        if (!drop || isStopped || !isNeeded(ledger, destinationId, partition, before)) continue;
        await deliveries[index]?.stop();
        await giveUp(destinationId, partition, before);
        if (isStopped) continue;
        deliveries[index] = open(partition);
        deliveries[index].start();
      }
      const nothing = { decisions: [], pending: [], dead: [] };
      let released = before;
      for (const { destinationId } of routes) {
        released = Math.min(released, ledger.neededFrom(destinationId, partition) ?? 0);
        const { cursor } = ledger.load(destinationId, partition);
        // Power loss must not take the ledger back to where it needs what is gone.
        if (cursor !== undefined)
          ledger.commit({ destinationId, partition, cursor, ...nothing, synced: true });
      }
      return released;
    },
    changeDead(action, selection) {
      try {
        const change = ledger.changeDead(action, selection);
        if (action === 'retry' && change.count > 0)
          for (const { deliveries } of routes) for (const delivery of deliveries) delivery.notifyAsked();
        return change;
      } catch (error) {
        if (passingFault(error) === undefined) onLedgerError(error);
        return undefined;
      }
    },
    stop: stopAll,
  };
}

function isNeeded(ledger: Ledger, destinationId: string, partition: Partition, before: Position): boolean {
  return (ledger.neededFrom(destinationId, partition) ?? Infinity) < before;
}

function partitionsOf(ends: DurableEnds): number[] {
  return Object.keys(ends).map(Number);
}
