import type { StartPosition } from '../destinations/destination.ts';
import { LogReadError, type LogReader, type Partition, type Position } from '../log/log.ts';

const ONE = { maxCount: 1, maxBytes: 1 };

/**
 * Where a destination that is new in a partition begins. By time: at an event received from then on behind one that was
 * received before, found in about as many reads as the log's ranges and positions halve; one range is read once at most.
 * @param end The durable end.
 * @throws {LogReadError} The log is unreadable.
 */
export async function startPosition(
  start: StartPosition,
  { reader, partition, end }: { reader: LogReader; partition: Partition; end: Position },
): Promise<Position> {
  if (start === 'now') return end;
  const ranges = await reader.ranges(partition);
  const first = ranges[0];
  if (!first) return end;
  if (start === 'earliest') return first.from;
  const fromMs = typeof start === 'number' ? start : Date.parse(start);
  const isBefore = (position: Position): Promise<boolean> =>
    receivedBefore(reader, partition, position, fromMs);
  // By the first event of each range: to look into one means to read it.
  const firstLater = await search(0, ranges.length, async (index) => isBefore(ranges[index]!.from));
  const range = ranges[firstLater - 1];
  return range ? search(range.from, range.to ?? end, isBefore) : first.from;
}

/** The lowest number in [from, to] that does not hold, where all below it do. */
async function search(from: number, to: number, holds: (at: number) => Promise<boolean>): Promise<number> {
  let low = from;
  let high = to;
  while (low < high) {
    const middle = low + Math.floor((high - low) / 2);
    if (await holds(middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}

async function receivedBefore(
  reader: LogReader,
  partition: Partition,
  position: Position,
  timeMs: number,
): Promise<boolean> {
  try {
    const [record] = await reader.read(partition, position, ONE);
    return record !== undefined && record.receivedAtMs < timeMs;
  } catch (error) {
    // Rather too early than too late; the destination will stand still there and say why, and no other one will.
    if (error instanceof LogReadError && error.code === 'damaged') return false;
    throw error;
  }
}
