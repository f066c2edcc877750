import type { Partition, Position } from '../log/log.ts';

export interface EventPlace {
  partition: Partition;
  position: Position;
}

/** Says where in the log an event is. */
export interface EventFinder {
  /**
   * Where the newest events with that messageId are, newest first; none when there is none. More than one
   * where several sources use the id, or a source sent it again later than duplicates are found.
   * @throws What the signal says, once it is aborted.
   * @throws {LogReadError} It was not found, and a part of the log cannot be read.
   */
  find(messageId: string, signal: AbortSignal): Promise<EventPlace[]>;
}
