import type { Clock } from '../clock.ts';

/** The router has not answered; it may have done what it was asked all the same. */
export class RouterUnavailableError extends Error {
  override readonly name = 'RouterUnavailableError';
  readonly code = 'router_unavailable';
}

/** Questions to one router process that are not answered yet. */
export class Requests<Answer> {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #open = new Map<number, (answer: Answer) => void>();
  readonly #ended = new AbortController();
  #lastId = 0;

  constructor(options: { clock: Clock; timeoutMs: number }) {
    this.#clock = options.clock;
    this.#timeoutMs = options.timeoutMs;
  }

  /** @throws {RouterUnavailableError} The process has ended, or does not answer in time or before the signal. */
  async ask(send: (id: number) => void, stop?: AbortSignal): Promise<Answer> {
    if (this.#ended.signal.aborted) throw new RouterUnavailableError('the router is not running');
    const id = ++this.#lastId;
    const waiting = new AbortController();
    let answer: { value: Answer } | undefined;
    const end = (): void => waiting.abort();
    this.#open.set(id, (value) => {
      answer = { value };
      end();
    });
    this.#ended.signal.addEventListener('abort', end);
    stop?.addEventListener('abort', end);
    if (stop?.aborted) end();
    send(id);
    await this.#clock.sleep(this.#timeoutMs, waiting.signal);
    this.#ended.signal.removeEventListener('abort', end);
    stop?.removeEventListener('abort', end);
    this.#open.delete(id);
    if (!answer) throw new RouterUnavailableError('the router has not answered');
    return answer.value;
  }

  answered(id: number, answer: Answer): void {
    this.#open.get(id)?.(answer);
  }

  end(): void {
    this.#ended.abort();
  }
}
