// Hono: every call made while a request is handled has that request's user.
import { setTimeout as wait } from 'node:timers/promises';
import { serve } from '@hono/node-server';
import Analytics from '@millrace/node';
import { Hono } from 'hono';

/** @type {Analytics.InContext} */
const analytics = new Analytics(process.env.MILLRACE_WRITE_KEY ?? 'YOUR_WRITE_KEY', {
  host: process.env.MILLRACE_HOST ?? 'http://127.0.0.1:3700',
});
const app = new Hono();

// Yours looks into a session or a token.
app.use((c, next) => {
  const userId = c.req.header('x-user-id') ?? 'guest';
  return analytics.withContext({ userId, context: { userAgent: c.req.header('user-agent') } }, next);
});

app.post('/orders', async (c) => {
  await placeOrder(await c.req.json());
  return c.body(null, 201);
});

// Knows nothing of requests, and needs not be handed a user.
async function placeOrder({ total }) {
  await wait(10);
  analytics.track({ event: 'Order Completed', properties: { total } });
}

const port = Number(process.env.PORT ?? 3000);
const server = serve({ fetch: app.fetch, port, hostname: '127.0.0.1' }, (address) => {
  console.log(`listening on http://127.0.0.1:${address.port}`);
});

process.once('SIGTERM', () => {
  server.close(() => {
    analytics.closeAndFlush({ timeout: 5000 }).catch((error) => console.error(error.message));
  });
});
