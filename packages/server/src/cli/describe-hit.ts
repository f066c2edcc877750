import type { ReceivedEvent } from '../console/wire.ts';

/** An event on one line for people: when, from where, what, whose, and by which id it can be traced. */
export function describeHit({ receivedAtMs, sourceId, json }: ReceivedEvent): string {
  const event = JSON.parse(json) as Record<string, unknown>;
  const name = event['event'] ?? event['name'];
  const person = event['userId'] ?? event['anonymousId'];
  const parts = [
    new Date(receivedAtMs).toISOString(),
    sourceId,
    event['type'],
    name === undefined ? '' : JSON.stringify(name),
    person,
    event['messageId'],
  ];
  return `${parts.map(printable).filter(Boolean).join('  ')}\n`;
}

/** What a sender wrote must not steer the terminal. */
function printable(value: unknown): string {
  if (typeof value !== 'string' && typeof value !== 'number') return '';
  // oxlint-disable-next-line no-control-regex
  return String(value).replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, ' ');
}
