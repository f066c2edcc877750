import http from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import { analyticsError, asAnalyticsError } from '../errors.ts';
import type { Liveness } from '../liveness.ts';
import { isSuccess } from '../retry-policy.ts';
import type { OutgoingRequest, Reply, Transport } from './transport.ts';
import { ANSWER_MAX_BYTES, ASK_FOR_VERDICTS, verdictsIn } from './verdicts.ts';

/** Keep-alive connections over node:http and node:https, which hold the process only when told to. */
export class NodeTransport implements Transport {
  #liveness: Liveness;
  #agents = { 'http:': new http.Agent({ keepAlive: true }), 'https:': new https.Agent({ keepAlive: true }) };

  constructor(liveness: Liveness) {
    this.#liveness = liveness;
  }

  post(request: OutgoingRequest): Promise<Reply> {
    return new Promise((resolve) => {
      try {
        this.#start(request, resolve);
      } catch (error) {
        resolve({ kind: 'unsendable', error: asAnalyticsError(error) });
      }
    });
  }

  close(): void {
    for (const agent of Object.values(this.#agents)) agent.destroy();
  }

  #start({ url, headers, body, timeoutMs }: OutgoingRequest, resolve: (reply: Reply) => void): void {
    const { protocol } = new URL(url);
    const bytes = Buffer.from(body);
    const options = {
      method: 'POST',
      headers: {
        ...headers,
        ...ASK_FOR_VERDICTS,
        'content-type': 'application/json',
        'content-length': bytes.length,
      },
    };
    const request =
      protocol === 'https:'
        ? https.request(url, { ...options, agent: this.#agents['https:'] })
        : http.request(url, { ...options, agent: this.#agents['http:'] });

    const stopTimer = this.#liveness.after(timeoutMs, () => {
      // Words and code of axios.
      request.destroy(analyticsError('ECONNABORTED', `timeout of ${timeoutMs}ms exceeded`));
    });
    let stopWatching: (() => void) | undefined;
    let answer: Reply | undefined;
    const settle = (reply: Reply): void => {
      stopTimer();
      stopWatching?.();
      // The status is the answer, whatever becomes of the body.
      resolve(answer ?? reply);
    };
    const fail = (error: Error): void => settle({ kind: 'unanswered', error: asAnalyticsError(error) });
    request.on('socket', (socket) => {
      stopWatching = this.#watch(socket);
    });
    request.on('error', fail);
    // Node tells of an upgrade that nobody asked for (101) by nothing else.
    request.on('close', () => {
      if (!answer) fail(analyticsError('NETWORK_ERROR', 'the connection closed without an answer'));
    });
    request.on('response', (response) => {
      const reply = answerOf(response);
      answer = reply;
      response.on('error', fail);
      response.on('close', () => settle(reply));
      // Read to its end in any case, so that the connection can be used again.
      if (!isSuccess(reply.status)) response.resume();
      else {
        collect(response, (text) => {
          const verdicts = verdictsIn(text);
          if (verdicts) answer = { ...reply, verdicts };
        });
      }
    });
    request.end(bytes);
  }

  /** @returns how to stop. */
  #watch(socket: Socket): () => void {
    const apply = (): void => this.#liveness.apply(socket);
    this.#liveness.add(socket);
    // Each address that is tried gets a descriptor of its own, which holds the process anew.
    socket.on('connectionAttempt', apply);
    return () => {
      socket.off('connectionAttempt', apply);
      this.#liveness.delete(socket);
    };
  }
}

/** Calls `done` with the text of an answer that came whole and is no longer than {@link ANSWER_MAX_BYTES}. */
function collect(response: http.IncomingMessage, done: (text: string) => void): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= ANSWER_MAX_BYTES) chunks.push(chunk);
    else chunks.length = 0;
  });
  response.on('end', () => {
    if (chunks.length > 0) done(Buffer.concat(chunks).toString());
  });
}

function answerOf(response: http.IncomingMessage): Extract<Reply, { kind: 'answered' }> {
  const status = response.statusCode ?? 0;
  const statusText = response.statusMessage || http.STATUS_CODES[status] || `Status ${status}`;
  return { kind: 'answered', status, statusText, retryAfter: response.headers['retry-after'] };
}
