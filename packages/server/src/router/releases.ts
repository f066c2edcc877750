import type { Clock } from '../clock.ts';
import type { Partition, Position } from '../log/log.ts';
import type { ToRouter } from './ipc.ts';

/** The router has not confirmed what the log may give up; it may have decided it all the same. */
export class ReleaseError extends Error {
  override readonly name = 'ReleaseError';
  readonly code = 'not_released';
}

export type ReleaseMessage = Extract<ToRouter, { type: 'release' }>;

/** Questions of one router process that are not answered yet. */
export class Releases {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #send: (message: ReleaseMessage) => void;
  readonly #open = new Map<number, (before: Position) => void>();
  readonly #ended = new AbortController();
  #lastId = 0;

  constructor(options: { clock: Clock; timeoutMs: number; send: (message: ReleaseMessage) => void }) {
    this.#clock = options.clock;
    this.#timeoutMs = options.timeoutMs;
    this.#send = options.send;
  }

  /** @throws {ReleaseError} The process has ended, or does not answer in time or before the signal. */
  async ask(partition: Partition, before: Position, drop: boolean, stop: AbortSignal): Promise<Position> {
    if (this.#ended.signal.aborted) throw new ReleaseError('the router is not running');
    const id = ++this.#lastId;
    const waiting = new AbortController();
    const signal = AbortSignal.any([this.#ended.signal, waiting.signal, stop]);
    let released: Position | undefined;
    this.#open.set(id, (answer) => {
      released = answer;
      waiting.abort();
    });
    this.#send({ type: 'release', id, partition, before, drop });
    await this.#clock.sleep(this.#timeoutMs, signal);
    this.#open.delete(id);
    if (released === undefined) throw new ReleaseError('the router has not answered');
    return released;
  }

  answered(id: number, before: Position): void {
    this.#open.get(id)?.(before);
  }

  end(): void {
    this.#ended.abort();
  }
}
