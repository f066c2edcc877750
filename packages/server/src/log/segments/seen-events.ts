/**
 * The hashes of the events that the active segment holds, and of those on their way to it. In
 * memory: about 100 bytes an event, so some 50 MB for a full segment of 600-byte events.
 */
export class SeenEvents {
  #durable: Set<string>;
  readonly #inFlight = new Map<string, Promise<void>>();

  constructor(durable: Iterable<string>) {
    this.#durable = new Set(durable);
  }

  /** `durable`, or what settles when the event in flight is durable or failed, or undefined. */
  find(hash: string): 'durable' | Promise<void> | undefined {
    return this.#durable.has(hash) ? 'durable' : this.#inFlight.get(hash);
  }

  claim(hash: string, written: Promise<void>): void {
    this.#inFlight.set(hash, written);
  }

  keep(hash: string): void {
    this.#inFlight.delete(hash);
    this.#durable.add(hash);
  }

  release(hash: string): void {
    this.#inFlight.delete(hash);
  }

  startSegment(): void {
    this.#durable = new Set();
  }
}
