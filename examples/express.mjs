// Express: every call made while a request is handled has that request's user.
import { setTimeout as wait } from 'node:timers/promises';
import Analytics from '@millrace/node';
import express from 'express';

/** @type {Analytics.InContext} */
const analytics = new Analytics(process.env.MILLRACE_WRITE_KEY ?? 'YOUR_WRITE_KEY', {
  host: process.env.MILLRACE_HOST ?? 'http://127.0.0.1:3700',
});
const app = express();

app.use(express.json());

// Yours looks into a session or a token.
app.use((request, _response, next) => {
  const userId = request.get('x-user-id') ?? 'guest';
  analytics.withContext({ userId, context: { ip: request.ip } }, next);
});

app.post('/orders', async (request, response) => {
  await placeOrder(request.body);
  response.status(201).end();
});

// Knows nothing of requests, and needs not be handed a user.
async function placeOrder({ total }) {
  await wait(10);
  analytics.track({ event: 'Order Completed', properties: { total } });
}

const server = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});

process.once('SIGTERM', () => {
  server.close(() => {
    analytics.closeAndFlush({ timeout: 5000 }).catch((error) => console.error(error.message));
  });
});
