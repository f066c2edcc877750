import { usageError, type AnalyticsError } from './errors.ts';
import { byteLength } from './platform.ts';
import { messageOf, type Callback, type OutgoingEvent } from './outgoing.ts';

/** An item of the public `queue`. One that a program put there itself may lack anything. */
export interface QueueItem {
  message?: unknown;
  callback?: Callback | undefined;
}

/**
 * Events since the last flush. Programs and their tests read and even replace `client.queue`, an
 * array of `{message, callback}`. Such items are built only when somebody asks for them; from then
 * on that array is the truth, whatever is done to it.
 */
export class EventQueue {
  #events: OutgoingEvent[] = [];
  #bytes = 0;
  #items: QueueItem[] | undefined;
  /** What we know of the items in the public array: their bytes, unless somebody read the message. */
  #known = new Map<QueueItem, OutgoingEvent>();
  /** How long the array was when `#bytes` was right. */
  #countedItems = 0;

  get items(): QueueItem[] {
    if (!this.#items) {
      this.#items = this.#events.map((event) => this.#itemOf(event));
      this.#countedItems = this.#items.length;
      this.#events = [];
    }
    return this.#items;
  }

  set items(items: QueueItem[]) {
    this.#items = items;
    this.#countedItems = -1;
    this.#events = [];
  }

  get count(): number {
    return this.#items?.length ?? this.#events.length;
  }

  /** Bytes of the events' JSON; recounted after the array was changed behind our back. */
  get bytes(): number {
    if (this.#items && this.#items.length !== this.#countedItems) {
      this.#bytes = this.#items.reduce((bytes, item) => bytes + this.#bytesOf(item), 0);
      this.#countedItems = this.#items.length;
    }
    return this.#bytes;
  }

  push(event: OutgoingEvent): void {
    const bytes = this.bytes + event.bytes;
    if (this.#items) this.#countedItems = this.#items.push(this.#itemOf(event));
    else this.#events.push(event);
    this.#bytes = bytes;
  }

  /**
   * Empties the queue. What a program put there and JSON cannot hold goes to `onUnserialisable`.
   */
  take(onUnserialisable: (callback: Callback | undefined, error: AnalyticsError) => void): OutgoingEvent[] {
    if (!this.#items) return this.#reset();
    const events: OutgoingEvent[] = [];
    for (const item of this.#items.splice(0)) {
      try {
        events.push(this.#outgoing(item));
      } catch (error) {
        onUnserialisable(item?.callback, usageError((error as Error).message, error));
      }
    }
    this.#known.clear();
    this.#reset();
    return events;
  }

  #reset(): OutgoingEvent[] {
    const events = this.#events;
    this.#events = [];
    this.#bytes = 0;
    this.#countedItems = 0;
    return events;
  }

  #itemOf(event: OutgoingEvent): QueueItem {
    const item: QueueItem = {
      get message() {
        return messageOf(event);
      },
      set message(message) {
        event.message = message;
      },
      callback: event.callback ?? noCallback,
    };
    this.#known.set(item, event);
    return item;
  }

  #bytesOf(item: QueueItem): number {
    const known = this.#known.get(item);
    if (known) return known.bytes;
    try {
      const event = serialised(item);
      this.#known.set(item, event);
      return event.bytes;
    } catch {
      return 0; // `take` reports it.
    }
  }

  #outgoing(item: QueueItem): OutgoingEvent {
    const known = this.#known.get(item);
    // Whoever has read the message may have changed it.
    if (!known || known.message !== undefined) return serialised(item);
    return { ...known, callback: item.callback };
  }
}

function noCallback(): void {}

function serialised(item: QueueItem | undefined): OutgoingEvent {
  const message = item?.message;
  const json = (JSON.stringify(message) as string | undefined) ?? 'null';
  const callback = typeof item?.callback === 'function' ? item.callback : undefined;
  return { json, bytes: byteLength(json), callback, message };
}
