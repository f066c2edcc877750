import type { Clock } from '../../clock.ts';
import type { Position } from '../log.ts';
import type { Disk, DiskFile } from './disk.ts';
import { totalLength } from './frame.ts';
import type { RecoveredLog } from './recovery.ts';
import type { SealedSegment } from './segment-chain.ts';
import { segmentPath } from './segment-files.ts';
import { SEGMENT_HEADER_BYTES, encodeSegmentHeader, type SegmentEnd } from './segment-header.ts';

export interface SegmentWriterOptions {
  disk: Disk;
  dir: string;
  clock: Pick<Clock, 'nowMs'>;
  maxSegmentBytes: number;
  maxSegmentAgeMs: number;
}

interface WrittenSegment {
  sequence: number;
  basePosition: Position;
  createdAtMs: number;
  /** All of it synced. */
  lengthBytes: number;
}

interface ActiveSegment extends WrittenSegment {
  file: DiskFile;
}

/**
 * Writes frames, one at a time, each synced before the next. A segment in which one failed is not
 * written again, nor is one whose successor was begun: that one's header already says where it ends.
 */
export class SegmentWriter {
  readonly #options: SegmentWriterOptions;
  #active: ActiveSegment | undefined;
  /** The last segment with events before the active one. */
  #previous: SegmentEnd | undefined;
  /** That one, until there is an event behind it. */
  #sealing: WrittenSegment | undefined;
  #nextSequence: number;

  constructor(options: SegmentWriterOptions, recovered: RecoveredLog) {
    this.#options = options;
    this.#active = recovered.active;
    this.#previous = recovered.previous;
    this.#sealing = recovered.sealing;
    this.#nextSequence = recovered.nextSequence;
  }

  /**
   * Resolves once the frame is durable, with the segment before it where it is the first behind one. After a
   * rejection no reader will ever be shown any of it, unless the process ends before the next append succeeds:
   * recovery keeps a frame that is whole.
   */
  async append(frame: readonly Buffer[], basePosition: Position): Promise<SealedSegment | undefined> {
    const frameBytes = totalLength(frame);
    const active = await this.#segmentFor(frameBytes, basePosition);
    try {
      await active.file.write(frame, active.lengthBytes);
      await active.file.sync();
    } catch (error) {
      await this.#abandon(active);
      throw error;
    }
    active.lengthBytes += frameBytes;
    const sealed = this.#sealing;
    this.#sealing = undefined;
    return (
      sealed && {
        sequence: sealed.sequence,
        basePosition: sealed.basePosition,
        createdAtMs: sealed.createdAtMs,
        endBytes: sealed.lengthBytes,
        endPosition: active.basePosition,
        sealedAtMs: active.createdAtMs,
      }
    );
  }

  async close(): Promise<void> {
    await this.#active?.file.close();
  }

  async #segmentFor(frameBytes: number, basePosition: Position): Promise<ActiveSegment> {
    const active = this.#active;
    if (active && (isEmpty(active) || !this.#isFull(active, frameBytes))) return active;
    if (active) {
      this.#seal(active);
      await ignoreFailure(active.file.close());
    }
    this.#active = await this.#create(basePosition);
    return this.#active;
  }

  /** By age too, but only once there is something to write behind it: an idle log makes no segments. */
  #isFull({ lengthBytes, createdAtMs }: ActiveSegment, frameBytes: number): boolean {
    const { clock, maxSegmentBytes, maxSegmentAgeMs } = this.#options;
    return lengthBytes + frameBytes > maxSegmentBytes || clock.nowMs() - createdAtMs >= maxSegmentAgeMs;
  }

  async #create(basePosition: Position): Promise<ActiveSegment> {
    const { disk, dir, clock } = this.#options;
    const sequence = this.#nextSequence++;
    const file = await disk.create(segmentPath(dir, sequence));
    const createdAtMs = clock.nowMs();
    const active = { sequence, basePosition, createdAtMs, file, lengthBytes: SEGMENT_HEADER_BYTES };
    try {
      const header = encodeSegmentHeader({
        basePosition,
        createdAtMs,
        ...(this.#previous && { previous: this.#previous }),
      });
      await file.write([header], 0);
      await file.sync();
      await disk.syncDirectory(dir);
    } catch (error) {
      await this.#abandon(active);
      throw error;
    }
    return active;
  }

  #seal(segment: ActiveSegment): void {
    this.#active = undefined;
    this.#previous = { sequence: segment.sequence, syncedBytes: segment.lengthBytes };
    this.#sealing = segment;
  }

  /** Nothing here needs to succeed: the next segment's header says where the events before it are. */
  async #abandon(failed: ActiveSegment): Promise<void> {
    if (isEmpty(failed)) {
      this.#active = undefined;
      await ignoreFailure(this.#options.disk.remove(segmentPath(this.#options.dir, failed.sequence)));
    } else {
      this.#seal(failed);
      await ignoreFailure(failed.file.truncate(failed.lengthBytes).then(() => failed.file.sync()));
    }
    await ignoreFailure(failed.file.close());
  }
}

function isEmpty(segment: ActiveSegment): boolean {
  return segment.lengthBytes === SEGMENT_HEADER_BYTES;
}

async function ignoreFailure(work: Promise<unknown>): Promise<void> {
  await work.catch(() => {});
}
