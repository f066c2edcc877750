import { EVENT_TYPES } from '@millrace/spec';
import type { DeliveryContext, DeliveryEvent, DeliveryResult, Destination } from './destination.ts';

/** A destination without a vendor, for tests: it keeps what it was given and answers as scripted. */
export interface MemoryDestination extends Destination {
  /** The messageIds of each call, in order. */
  readonly calls: readonly (readonly string[])[];
  /** The messageIds of delivered events, in order. */
  readonly delivered: readonly string[];
  /** What the next calls answer, one each; after that all events are delivered. */
  script(...answers: Answer[]): void;
}

export type Answer = (
  events: readonly DeliveryEvent[],
  context: DeliveryContext,
) => DeliveryResult | Promise<DeliveryResult>;

export function memoryDestination(changes: Partial<Omit<Destination, 'deliver'>> = {}): MemoryDestination {
  const calls: string[][] = [];
  const delivered: string[] = [];
  const answers: Answer[] = [];
  return {
    name: 'Memory',
    accepts: EVENT_TYPES,
    storage: false,
    batch: { maxCount: 10, maxBytes: 1_000_000, maxWaitMs: 0 },
    maxConcurrency: 1,
    ...changes,
    calls,
    delivered,
    script: (...next) => void answers.push(...next),
    async deliver(events, context) {
      context.signal.throwIfAborted();
      calls.push(events.map(({ event }) => event.messageId));
      const result = await (answers.shift() ?? deliverAll)(events, context);
      result.outcomes.forEach((outcome, index) => {
        const messageId = events[index]?.event.messageId;
        if (outcome.kind === 'delivered' && messageId !== undefined) delivered.push(messageId);
      });
      return result;
    },
  };
}

function deliverAll(events: readonly DeliveryEvent[]): DeliveryResult {
  return { outcomes: events.map(() => ({ kind: 'delivered' })) };
}
