import { hash } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import type { DeliveryEvent } from '../destination.ts';

/** The names that the Standard Webhooks specification gives them. */
export type SignatureHeaders = Record<'webhook-id' | 'webhook-timestamp' | 'webhook-signature', string>;

/**
 * Signs requests by Standard Webhooks (https://www.standardwebhooks.com): with each secret, so that a receiver which has
 * one of them takes the request.
 * @param body As it is before it is compressed: what a receiver has once its server has undone that.
 */
export function signer(secrets: readonly string[]) {
  const webhooks = secrets.map((secret) => new Webhook(secret));
  return (events: readonly DeliveryEvent[], body: Buffer, nowMs: number): SignatureHeaders => {
    const id = webhookId(events);
    const at = new Date(nowMs);
    return {
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(nowMs / 1_000)),
      'webhook-signature': webhooks.map((webhook) => webhook.sign(id, at, body)).join(' '),
    };
  };
}

/** The same for the same events in every attempt, after a restart too, and whatever may stand in a messageId. */
function webhookId(events: readonly DeliveryEvent[]): string {
  const messageIds = JSON.stringify(events.map(({ event }) => event.messageId));
  return `msg_${hash('sha256', messageIds, 'hex').slice(0, 32)}`;
}
