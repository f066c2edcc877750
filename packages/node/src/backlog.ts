import { BATCH_MAX_BYTES, BATCH_MAX_COUNT } from '@millrace/spec';
import type { OutgoingEvent } from './outgoing.ts';

const SAMPLE_TIME = new Date(0);
const ENVELOPE_BYTES = Buffer.byteLength(bodyOf([], SAMPLE_TIME, SAMPLE_TIME));

/** Dropped slots at the front that are worth a copy of the rest. */
const COMPACT_AT_COUNT = 1_024;

/** The body of a request. Its size is that of the envelope, the events, and a comma between them. */
export function bodyOf(events: readonly OutgoingEvent[], timestamp: Date, sentAt: Date): string {
  const batch = events.map((event) => event.json).join(',');
  return `{"batch":[${batch}],"timestamp":"${timestamp.toISOString()}","sentAt":"${sentAt.toISOString()}"}`;
}

/** Flushed events that wait for the connection, in the order of the calls. */
export class Backlog {
  #events: OutgoingEvent[] = [];
  /** Where the oldest event is; taking from the front of a long array would copy it each time. */
  #head = 0;
  #bytes = 0;

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

  /** As many of the oldest as one request may hold; one at least, when there is one. */
  cut(): OutgoingEvent[] {
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

  dropOldest(): OutgoingEvent | undefined {
    return this.#removeUpTo(Math.min(this.#head + 1, this.#events.length))[0];
  }

  #removeUpTo(end: number): OutgoingEvent[] {
    const removed = this.#events.slice(this.#head, end);
    for (const event of removed) this.#bytes -= event.bytes;
    this.#head = end;
    if (this.#head === this.#events.length || this.#head >= Math.max(COMPACT_AT_COUNT, this.count)) {
      this.#events = this.#events.slice(this.#head);
      this.#head = 0;
    }
    return removed;
  }
}
