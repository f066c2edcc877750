import type { DestinationTrace, TracedDecision } from '../ledger/ledger.ts';
import type { EventTrace, TraceReply } from '../trace/index.ts';

/** A trace as lines for people, in the order in which things happened. */
export function describeTrace({ messageId, events, duplicates }: TraceReply): string {
  const lines = [`message ${messageId}`];
  for (const event of events) lines.push('', ...describeEvent(event));
  if (duplicates.length > 0) lines.push('');
  for (const { receivedAtMs, sourceId = 'an unknown source' } of duplicates) {
    lines.push(`${time(receivedAtMs)}  came again from ${sourceId}: a duplicate, not kept`);
  }
  return `${lines.join('\n')}\n`;
}

function describeEvent(event: EventTrace): string[] {
  const { sourceId, partition, position, receivedAtMs, stamps, timestampSkewed, destinations } = event;
  const lines = [`${time(receivedAtMs)}  received from ${sourceId}, position ${partition}:${position}`];
  for (const [name, value] of Object.entries(stamps)) lines.push(`    ${name.padEnd(18)} ${value}`);
  if (timestampSkewed)
    lines.push("    the sender's clock was off by more than a day: timestamp stands as sent");
  if (destinations.length === 0) lines.push('  no destination has read it');
  return [...lines, ...destinations.flatMap(describeDestination)];
}

function describeDestination({ destinationId, decision, attempts, isCut }: DestinationTrace): string[] {
  const lines = [`  ${destinationId}: ${describeDecision(decision)}`];
  if (isCut) lines.push('    (earlier attempts are left out)');
  for (const { startedAtMs, durationMs, code, eventCount } of attempts) {
    const batch = eventCount === 1 ? '' : `, in a request of ${eventCount} events`;
    lines.push(`    ${time(startedAtMs)}  ${code} after ${durationMs} ms${batch}`);
  }
  return lines;
}

function describeDecision(decision: TracedDecision): string {
  switch (decision.kind) {
    case 'delivered':
      return 'delivered';
    case 'filtered':
      return `filtered, ${decision.code}`;
    case 'dead': {
      const { code, diedAtMs, attemptCount } = decision;
      return diedAtMs === undefined
        ? `dead, ${code}`
        : `dead at ${time(diedAtMs)}, ${code} after ${attemptCount} attempts`;
    }
    case 'pending': {
      const { attemptCount, notBeforeMs, code } = decision;
      if (attemptCount === 0) return code === undefined ? 'pending' : `pending, ${code}`;
      return `pending after ${attemptCount} attempts, ${code}; next not before ${time(notBeforeMs)}`;
    }
    case 'undecided':
      return 'not yet read';
    default:
      return 'nothing recorded: it started later, or this is older than what is kept';
  }
}

function time(ms: number): string {
  return new Date(ms).toISOString();
}
