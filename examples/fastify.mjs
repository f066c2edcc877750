// Fastify: every call made while a request is handled has that request's user.
import { setTimeout as wait } from 'node:timers/promises';
import Analytics from '@millrace/node';
import fastify from 'fastify';

/** @type {Analytics.InContext} */
const analytics = new Analytics(process.env.MILLRACE_WRITE_KEY ?? 'YOUR_WRITE_KEY', {
  host: process.env.MILLRACE_HOST ?? 'http://127.0.0.1:3700',
});
const app = fastify();

// Yours looks into a session or a token. In preHandler, when whoever authenticates has done so.
app.addHook('preHandler', (request, _reply, done) => {
  const userId = String(request.headers['x-user-id'] ?? 'guest');
  analytics.withContext({ userId, context: { ip: request.ip } }, done);
});

app.post('/orders', async (request, reply) => {
  await placeOrder(request.body);
  reply.code(201).send();
});

// Knows nothing of requests, and needs not be handed a user.
/** @param {any} order */
async function placeOrder({ total }) {
  await wait(10);
  analytics.track({ event: 'Order Completed', properties: { total } });
}

// Last of all, when no request is left.
app.addHook('onClose', async () => {
  await analytics.closeAndFlush({ timeout: 5000 }).catch((error) => console.error(error.message));
});
process.once('SIGTERM', () => void app.close());

console.log(
  `listening on ${await app.listen({ port: Number(process.env.PORT ?? 3000), host: '127.0.0.1' })}`,
);
