// A Cloudflare Worker: the answer does not wait for the events, but the worker lives until they are
// gone. Set MILLRACE_HOST and MILLRACE_WRITE_KEY as variables of the worker.
import Analytics from '@millrace/node/edge';

export default {
  async fetch(request, env, ctx) {
    // One a request: a worker may not use the connection of another request.
    const analytics = new Analytics(env.MILLRACE_WRITE_KEY, {
      host: env.MILLRACE_HOST,
      errorHandler: (error) => console.error('analytics:', error.message),
    });
    const { userId, total } = await request.json();
    analytics.track({ userId, event: 'Order Completed', properties: { total } });

    ctx.waitUntil(analytics.closeAndFlush());
    return Response.json({ ordered: true });
  },
};
