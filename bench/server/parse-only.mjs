import { fastify } from 'fastify';
import { answer } from '../answers.mjs';

/** A process: the server that does nothing. fastify as the collector has it, JSON.parse, and the answer. */

const app = fastify({ logger: false, bodyLimit: 4_096_000 });
app.removeAllContentTypeParsers();
app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
for (const path of ['/v1/batch', '/v1/track']) {
  app.post(path, async (request, reply) => {
    JSON.parse(request.body.toString());
    reply.type('application/json; charset=utf-8');
    return '{"success":true}';
  });
}

answer({ listen: () => app.listen({ host: '127.0.0.1', port: 0 }) });
