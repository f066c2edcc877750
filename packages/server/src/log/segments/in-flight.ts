/** The hashes of the events on their way into the log, with what settles when they are durable or failed. */
export class InFlight {
  readonly #written = new Map<string, Promise<void>>();

  find(hash: string): Promise<void> | undefined {
    return this.#written.get(hash);
  }

  claim(hash: string, written: Promise<void>): void {
    this.#written.set(hash, written);
  }

  release(hash: string): void {
    this.#written.delete(hash);
  }
}
