import type { LogRecord, Position } from '../log.ts';
import { decodeEntry, entryEnd, entryJsonBytes, type Frame } from './frame.ts';

const NO_ENTRIES = Buffer.alloc(0);

/** Goes through the events of one frame. */
export class FrameCursor {
  /** Of the next event. */
  position: Position;
  /** After the last event. */
  readonly endPosition: Position;
  readonly #entries: Buffer;
  /** Where the next event starts. */
  #at = 0;

  constructor({ basePosition, eventCount, entries }: Pick<Frame, 'basePosition' | 'eventCount' | 'entries'>) {
    this.position = basePosition;
    this.endPosition = basePosition + eventCount;
    this.#entries = entries;
  }

  /** A cursor without events, right before the position. */
  static before(position: Position): FrameCursor {
    return new FrameCursor({ basePosition: position, eventCount: 0, entries: NO_ENTRIES });
  }

  /** Of the next event. */
  jsonBytes(): number {
    return entryJsonBytes(this.#entries, this.#at);
  }

  take(): LogRecord {
    const { sourceId, receivedAtMs, flags, json } = decodeEntry(this.#entries, this.#at);
    const position = this.position;
    this.#step();
    // A copy: the frame's memory is used again, and one event must not keep all of it.
    return { partition: 0, position, sourceId, receivedAtMs, flags, json: Buffer.from(json) };
  }

  skipTo(position: Position): void {
    while (this.position < position) this.#step();
  }

  #step(): void {
    this.#at = entryEnd(this.#entries, this.#at);
    this.position++;
  }
}
