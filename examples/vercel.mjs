// A Vercel function (Node.js), or a route handler of Next.js: the answer does not wait for the
// events, but the platform keeps the function alive until they are gone.
import Analytics from '@millrace/node';
import { waitUntil } from '@vercel/functions';

const analytics = new Analytics(process.env.MILLRACE_WRITE_KEY ?? 'YOUR_WRITE_KEY', {
  host: process.env.MILLRACE_HOST ?? 'http://127.0.0.1:3700',
  errorHandler: (error) => console.error('analytics:', error.message),
});

export async function POST(request) {
  const { userId, total } = await request.json();
  analytics.track({ userId, event: 'Order Completed', properties: { total } });

  waitUntil(analytics.flush());
  return Response.json({ ordered: true });
}
