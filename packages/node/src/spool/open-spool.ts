import type { Batch } from '../backlog.ts';
import type { Clock } from '../clock.ts';
import type { AnalyticsError } from '../errors.ts';
import { nodeDisk } from './disk.ts';
import { ownerOf } from './lease.ts';
import { Spool } from './spool.ts';
import { resolveSpool, type SpoolOptions } from './spool-options.ts';
import { SpooledBacklog } from './spooled-backlog.ts';

export interface SpoolClient {
  writeKey: string;
  /** Where its events go. */
  url: string;
  maxBufferedEvents: number;
  maxBufferedBytes: number;
  clock: Clock;
  onError: (error: AnalyticsError) => void;
  onWithdrawn: (count: number) => void;
  onLost: (batch: Batch, error: AnalyticsError) => void;
  /** All that is queued is to be flushed, so that events of dead clients come behind it. */
  beforeAdoption: () => void;
  /** So many events of dead clients are in the backlog. */
  onAdopted: (count: number) => void;
}

/**
 * A backlog on the disk; none where there is no such option.
 * @throws Error for an option out of bounds, and `SPOOL_PATH_TOO_LONG`. Not for a disk that fails: that is reported, and
 * events are in memory only until it works.
 */
export function openSpool(
  options: SpoolOptions | undefined,
  client: SpoolClient,
): SpooledBacklog | undefined {
  if (options === undefined) return undefined;
  const { clock, onError, beforeAdoption } = client;
  const resolved = resolveSpool(options);
  const spool = new Spool(resolved, {
    disk: nodeDisk,
    clock,
    owner: ownerOf(client.writeKey, client.url),
    onError,
    beforeAdoption,
    onAdopted: (places) => {
      backlog.addStored(places);
      client.onAdopted(places.end - places.from);
    },
  });
  const backlog = new SpooledBacklog({ ...client, spool, maxBytes: resolved.maxBytes });
  return backlog;
}
