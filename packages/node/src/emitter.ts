import { callProgram, usageError } from './errors.ts';

type Listener<Args extends readonly unknown[]> = (...args: Args) => unknown;
interface Entry {
  listener: Listener<never>;
  once: boolean;
}

/**
 * Listeners by event. Not that of node:events: it is not everywhere, throws an `error` that nobody
 * listens to, and stops at the first listener that throws.
 */
export class Emitter<Events extends { [Name in keyof Events]: readonly unknown[] }> {
  /** Never changed in place, so that a listener may add and remove others while it is called. */
  #entries = new Map<keyof Events, readonly Entry[]>();

  /** @throws Error when `listener` is no function. */
  on<Name extends keyof Events>(event: Name, listener: Listener<Events[Name]>, once = false): void {
    if (typeof listener !== 'function') throw usageError('A listener must be a function.');
    this.#entries.set(event, [...this.#of(event), { listener, once }]);
  }

  /** Removes it once where it was added several times, the latest first. */
  off<Name extends keyof Events>(event: Name, listener: Listener<Events[Name]>): void {
    const entries = this.#of(event);
    const latest = entries.map((entry) => entry.listener).lastIndexOf(listener);
    this.#keep(
      event,
      entries.filter((_, place) => place !== latest),
    );
  }

  /** Whether it is worth making what the listeners are given. */
  has(event: keyof Events): boolean {
    return this.#entries.has(event);
  }

  emit<Name extends keyof Events>(event: Name, ...args: Events[Name]): void {
    const entries = this.#of(event);
    if (entries.some(({ once }) => once)) {
      this.#keep(
        event,
        entries.filter(({ once }) => !once),
      );
    }
    for (const { listener } of entries) callProgram(() => (listener as Listener<Events[Name]>)(...args));
  }

  #of(event: keyof Events): readonly Entry[] {
    return this.#entries.get(event) ?? [];
  }

  #keep(event: keyof Events, entries: readonly Entry[]): void {
    if (entries.length > 0) this.#entries.set(event, entries);
    else this.#entries.delete(event);
  }
}
