import type { Clock } from './clock.ts';

/** Something that holds the process open, or not: a socket or a timer. */
export interface Handle {
  ref(): unknown;
  unref(): unknown;
}

/**
 * Whether our sockets and timers hold the process open: only while somebody awaits a flush. A
 * program that has nothing else to do may then end (see exit.ts for what is left by then).
 */
export class Liveness {
  #clock: Pick<Clock, 'start'>;
  #holds = 0;
  #handles = new Set<Handle>();

  constructor(clock: Pick<Clock, 'start'>) {
    this.#clock = clock;
  }

  /** Holds the process from now until the returned function is called, the first time. */
  hold(): () => void {
    this.#holds += 1;
    if (this.#holds === 1) this.#applyToAll();
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#holds -= 1;
      if (this.#holds === 0) this.#applyToAll();
    };
  }

  add(handle: Handle): void {
    this.#handles.add(handle);
    this.apply(handle);
  }

  /** Again, for a socket that got another descriptor. */
  apply(handle: Handle): void {
    if (this.#holds > 0) handle.ref();
    else handle.unref();
  }

  delete(handle: Handle): void {
    this.#handles.delete(handle);
  }

  /** @returns how to stop it. */
  after(delayMs: number, done: () => void): () => void {
    const timer = this.#clock.start(delayMs, () => {
      this.#handles.delete(timer);
      done();
    });
    this.add(timer);
    return () => {
      this.#handles.delete(timer);
      timer.cancel();
    };
  }

  #applyToAll(): void {
    for (const handle of this.#handles) this.apply(handle);
  }
}
