import http from 'node:http';
import { analyticsError, asAnalyticsError, type AnalyticsError } from '../errors.ts';
import type { Liveness } from '../liveness.ts';
import { isSuccess } from '../retry-policy.ts';
import type { Answered, Reply } from './transport.ts';
import { isProxyRefusal } from './tunnel.ts';
import { ANSWER_MAX_BYTES, verdictsIn } from './verdicts.ts';
import { watchSocket } from './watch-socket.ts';

/** The server closed a kept connection just as the request was written to it, before a byte of an answer. */
export const STALE = 'stale';

type Outcome = Reply | typeof STALE;
export type OutcomeListener = (outcome: Outcome) => void;
export type Cancel = (why: AnalyticsError) => void;

/** Writes the request and waits for its answer. `done` is called once. @returns how to stop it, and why. */
export function exchange(
  request: http.ClientRequest,
  body: Uint8Array,
  liveness: Liveness,
  done: OutcomeListener,
): Cancel {
  let stopWatching: (() => void) | undefined;
  let bytesBefore = 0;
  let answer: Answered | undefined;
  let isSettled = false;
  const settle = (outcome: Outcome): void => {
    if (isSettled) return;
    isSettled = true;
    stopWatching?.();
    // The status is the answer, whatever becomes of the body.
    done(answer ?? outcome);
  };
  const fail = (error: Error): void => {
    const isUnread = request.reusedSocket && request.socket?.bytesRead === bytesBefore;
    settle(isUnread && isCut(error) ? STALE : failureOf(error));
  };
  request.on('socket', (socket) => {
    bytesBefore = socket.bytesRead;
    stopWatching = watchSocket(liveness, socket);
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
        reply.text = text;
        reply.verdicts = verdictsIn(text);
      });
    }
  });
  request.end(body);
  return (why) => {
    request.destroy(why);
    // Node says nothing of a request that has no connection yet, as while a proxy is asked for one.
    fail(why);
  };
}

function isCut(error: Error): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ECONNRESET' || code === 'EPIPE';
}

function failureOf(error: Error): Reply {
  if (!isProxyRefusal(error)) return { kind: 'unanswered', error: asAnalyticsError(error) };
  return { ...answerOf(error.refusal), statusText: error.message };
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

function answerOf(response: http.IncomingMessage): Answered {
  const status = response.statusCode ?? 0;
  const statusText = response.statusMessage || http.STATUS_CODES[status] || `Status ${status}`;
  const { location, date, 'retry-after': retryAfter } = response.headers;
  return {
    kind: 'answered',
    status,
    statusText,
    retryAfter,
    location,
    date,
  };
}
