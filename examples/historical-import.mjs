// Imports orders of the past from a file of one JSON object a line: node historical-import.mjs [file]
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import Analytics from '@millrace/node';

const file = process.argv[2] ?? new URL('orders.ndjson', import.meta.url);
const analytics = new Analytics(process.env.MILLRACE_WRITE_KEY ?? 'YOUR_WRITE_KEY', {
  host: process.env.MILLRACE_HOST ?? 'http://127.0.0.1:3700',
});

let count = 0;
for await (const line of createInterface({ input: createReadStream(file) })) {
  const order = JSON.parse(line);
  analytics.track({
    userId: order.customer,
    event: 'Order Completed',
    properties: { orderId: order.id, total: order.total },
    // When it happened. Of what happens now, leave it out.
    timestamp: new Date(order.placedAt),
    // The same in every run, so that a server that deduplicates counts a repeated import once.
    messageId: `import-order-${order.id}`,
  });
  count += 1;
  // A file is read faster than it is sent: wait, lest the queue reach its bound and drop events.
  if (count % 10_000 === 0) await analytics.flush();
}
await analytics.closeAndFlush();
console.log(`${count} orders imported`);
