/** Bytes of one event's JSON with all that a library adds to it; every group uses the same event. */
export const EVENT_BYTES = 600;

export const USER_COUNT = 1_000;

/**
 * What a program passes to `track()`. Built so that {@link enrich} makes it EVENT_BYTES of JSON.
 * @param {number} index Decides the user, one of 1,000, and the order number.
 */
export function messageOf(index) {
  const bare = build(index, '');
  const missingBytes = EVENT_BYTES - Buffer.byteLength(JSON.stringify(enrich(bare, messageId(0))));
  if (missingBytes < 0) throw new Error(`the event is ${-missingBytes} bytes too long`);
  return build(index, 'x'.repeat(missingBytes));
}

/** @param {number} counter */
export function messageId(counter) {
  return `bench-${String(counter).padStart(10, '0')}`;
}

/**
 * The message as it travels. Libraries add these fields themselves.
 * @param {ReturnType<typeof messageOf>} message
 * @param {string} id
 */
export function enrich(message, id) {
  return {
    ...message,
    type: 'track',
    context: { library: { name: 'bench', version: '1.0.0' }, ...message.context },
    _metadata: { nodeVersion: '20.0.0' },
    timestamp: '2026-01-01T00:00:00.000Z',
    messageId: id,
  };
}

/**
 * @param {number} index
 * @param {string} note
 */
function build(index, note) {
  return {
    userId: `user-${index % USER_COUNT}`,
    event: 'Order Completed',
    properties: {
      orderId: `order-${index}`,
      total: 39.95,
      currency: 'EUR',
      coupon: null,
      products: [{ sku: 'G-32', name: 'Mill stone', price: 19.95, quantity: 2 }],
      note,
    },
    context: { ip: '203.0.113.7', locale: 'en-GB', page: { path: '/checkout', title: 'Checkout' } },
  };
}
