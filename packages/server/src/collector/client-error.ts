import type { Duplex } from 'node:stream';
import type { RefusalCode } from '@millrace/spec';
import { ANSWERS, JSON_TYPE, refusalBody } from './replies.ts';

/**
 * Answers what node's HTTP parser could not make a request of, and ends the connection. Returns why
 * it was refused, or undefined where the sender went away or took too long: that may yet be sent again.
 */
export function answerClientError(error: NodeJS.ErrnoException, socket: Duplex): RefusalCode | undefined {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return undefined;
  }
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    end(socket, '408 Request Timeout', '');
    return undefined;
  }
  end(socket, `${ANSWERS.invalid_request.status} Bad Request`, refusalBody('invalid_request'));
  return 'invalid_request';
}

function end(socket: Duplex, statusLine: string, body: string): void {
  const head = [
    `HTTP/1.1 ${statusLine}`,
    'Connection: close',
    `Content-Type: ${JSON_TYPE}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}
