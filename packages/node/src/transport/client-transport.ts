import { analyticsError, asAnalyticsError, usageError } from '../errors.ts';
import type { Liveness } from '../liveness.ts';
import { TextDecoder } from '../platform.ts';
import { isSuccess } from '../retry-policy.ts';
import { headerOf, type HttpClientResponse, type Send } from './http-client.ts';
import type { Answered, OutgoingRequest, Reply, Transport } from './transport.ts';
import { ANSWER_MAX_BYTES, ASK_FOR_VERDICTS, verdictsIn } from './verdicts.ts';

/** Over the program's own HTTP client, or `fetch` where nothing else exists. */
export class ClientTransport implements Transport {
  #send: Send;
  #liveness: Pick<Liveness, 'after'>;

  constructor(send: Send, liveness: Pick<Liveness, 'after'>) {
    this.#send = send;
    this.#liveness = liveness;
  }

  post(request: OutgoingRequest): Promise<Reply> {
    if (!URL.canParse(request.url)) {
      const error = usageError(`"${request.url}" is no address to send to.`);
      return Promise.resolve({ kind: 'unsendable', error });
    }
    return new Promise((resolve) => {
      const abort = new AbortController();
      let answer: Answered | undefined;
      const settle = (reply: Reply): void => {
        stopTimer();
        // The status is the answer, whatever becomes of the body.
        resolve(reply.kind === 'answered' ? reply : (answer ?? reply));
      };
      // Not left to the client, which may wait for ever.
      const stopTimer = this.#liveness.after(request.timeoutMs, () => {
        const error = analyticsError('ECONNABORTED', `timeout of ${request.timeoutMs}ms exceeded`);
        settle({ kind: 'unanswered', error });
        abort.abort(error);
      });
      this.#exchange(request, abort.signal, (head) => {
        answer = head;
      }).then(settle, (error: unknown) => settle({ kind: 'unanswered', error: asAnalyticsError(error) }));
    });
  }

  close(): void {
    // Its connections are the client's.
  }

  async #exchange(
    { url, headers, body, timeoutMs }: OutgoingRequest,
    signal: AbortSignal,
    onHead: (answer: Answered) => void,
  ): Promise<Reply> {
    const response = await this.#send(
      {
        url,
        method: 'POST',
        headers: titled({ 'content-type': 'application/json', ...headers, ...ASK_FOR_VERDICTS }),
        body: body as string,
        httpRequestTimeout: timeoutMs,
      },
      signal,
    );
    const answer = answerOf(response);
    onHead(answer);
    if (!isSuccess(answer.status)) return answer;
    const text = await textOf(response);
    return { ...answer, text, verdicts: verdictsIn(text) };
  }
}

function answerOf(response: HttpClientResponse): Answered {
  const { status, statusText } = Object(response) as Partial<HttpClientResponse>;
  if (typeof status !== 'number') throw new TypeError('the HTTP client answered without a status');
  return {
    kind: 'answered',
    status,
    statusText: statusText || `Status ${status}`,
    retryAfter: headerOf(response, 'retry-after'),
    location: headerOf(response, 'location'),
    date: headerOf(response, 'date'),
  };
}

/** As @segment/analytics-node writes them, since a client may look for one by name. */
function titled(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name.replaceAll(/(?:^|-)[a-z]/g, (letter) => letter.toUpperCase()),
      value,
    ]),
  );
}

/** At most {@link ANSWER_MAX_BYTES} of it where the client gives it in pieces, as `fetch` does. */
async function textOf(response: HttpClientResponse): Promise<string> {
  const { body } = response as { body?: ReadableStream<Uint8Array> | null };
  if (typeof body?.getReader !== 'function') return (await response.text?.()) ?? '';
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    bytes += value.length;
    text += decoder.decode(value, { stream: true });
    if (bytes > ANSWER_MAX_BYTES) {
      await reader.cancel();
      return '';
    }
  }
}
