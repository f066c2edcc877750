import { isJsonObject } from '@millrace/spec';
import type { DeadLetterLineReply, DeadLetterReply, DeadListReply } from '../dead-letters/index.ts';

/** Dead letters as lines for people. */
export function describeDeadList({ letters, next }: DeadListReply): string {
  const lines = letters.map(describeLine);
  if (lines.length === 0) lines.push(next === undefined ? 'no dead letters' : 'none among the newest');
  if (next !== undefined) lines.push(`more: --next ${next}`);
  return `${lines.map(printable).join('\n')}\n`;
}

export function describeDeadLetter(letter: DeadLetterReply): string {
  const lines = [describeLine(letter), ...describeExchange(letter.exchange), 'event', `  ${letter.json}`];
  return `${lines.map(printable).join('\n')}\n`;
}

function describeLine(letter: DeadLetterLineReply): string {
  const { id, diedAtMs, code, attemptCount, eventName, messageId, retryAskedAtMs } = letter;
  const attempts = `${attemptCount} attempt${attemptCount === 1 ? '' : 's'}`;
  const name = eventName === undefined ? '' : `  ${JSON.stringify(eventName)}`;
  const asked = retryAskedAtMs === undefined ? '' : `  (retry asked ${time(retryAskedAtMs)})`;
  return `${id}  ${time(diedAtMs)}  ${code} after ${attempts}${name}  message ${messageId}${asked}`;
}

/** A destination says in it what it likes; what the common ones say is laid out. */
function describeExchange(exchange: DeadLetterReply['exchange']): string[] {
  if (!exchange) return [];
  const { request, answer, ...rest } = exchange;
  const lines: string[] = [];
  if (isJsonObject(request)) {
    const { method, url, headers, bodyBytes, ...more } = request;
    lines.push('request', `  ${text(method)} ${text(url)}, ${text(bodyBytes)} bytes`);
    for (const [name, value] of Object.entries(isJsonObject(headers) ? headers : {})) {
      lines.push(`    ${name}: ${text(value)}`);
    }
    lines.push(...others(more));
  }
  if (isJsonObject(answer)) {
    const { status, contentType, body, isCut, ...more } = answer;
    lines.push('answer', `  ${text(status)}${contentType === undefined ? '' : ` ${text(contentType)}`}`);
    if (body !== '')
      lines.push(
        ...text(body)
          .split(/\r?\n/)
          .map((line) => `    ${line}`),
      );
    if (isCut === true) lines.push('    (cut)');
    lines.push(...others(more));
  } else if (isJsonObject(request)) {
    lines.push('answer', '  none');
  }
  return [...lines, ...others(rest)];
}

function others(more: object): string[] {
  return Object.keys(more).length === 0 ? [] : [`  ${JSON.stringify(more)}`];
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '?');
}

/** What a vendor or an event says must not give orders to the terminal. */
function printable(line: string): string {
  // oxlint-disable-next-line no-control-regex
  return line.replaceAll(/[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/g, (control) => {
    return `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

function time(ms: number): string {
  return new Date(ms).toISOString();
}
