import { BATCH_MAX_BYTES, BATCH_MAX_COUNT } from '@millrace/spec';
import type { Backlog, Batch } from './backlog.ts';
import { ENVELOPE_BYTES } from './body.ts';
import type { OutgoingEvent } from './outgoing.ts';

/** Dropped slots at the front that are worth a copy of the rest. */
const COMPACT_AT_COUNT = 1_024;

/** A backlog that ends with the process. */
export class MemoryBacklog implements Backlog {
  #events: OutgoingEvent[] = [];
  /** Where the oldest event is; taking from the front of a long array would copy it each time. */
  #head = 0;
  #bytes = 0;
  /** Place of the oldest event in the order of flushing. */
  #nextPlace = 0;

  get count(): number {
    return this.#events.length - this.#head;
  }

  get bytes(): number {
    return this.#bytes;
  }

  add(events: readonly OutgoingEvent[]): void {
    for (const event of events) {
      this.#events.push(event);
      this.#bytes += event.bytes;
    }
  }

  cut(): Batch {
    const first = this.#head;
    let end = first;
    let bodyBytes = ENVELOPE_BYTES;
    while (end < this.#events.length && end - first < BATCH_MAX_COUNT) {
      const addedBytes = this.#events[end]!.bytes + (end > first ? 1 : 0);
      if (end > first && bodyBytes + addedBytes > BATCH_MAX_BYTES) break;
      bodyBytes += addedBytes;
      end += 1;
    }
    return this.#removeUpTo(end);
  }

  dropOldest(): Batch | undefined {
    return this.count > 0 ? this.#removeUpTo(this.#head + 1) : undefined;
  }

  settled(): undefined {
    return undefined;
  }

  #removeUpTo(end: number): Batch {
    const events = this.#events.slice(this.#head, end);
    const bytes = events.reduce((sum, event) => sum + event.bytes, 0);
    const batch = { from: this.#nextPlace, events, bytes };
    this.#nextPlace += events.length;
    this.#bytes -= bytes;
    this.#head = end;
    if (this.#head === this.#events.length || this.#head >= Math.max(COMPACT_AT_COUNT, this.count)) {
      this.#events = this.#events.slice(this.#head);
      this.#head = 0;
    }
    return batch;
  }
}
