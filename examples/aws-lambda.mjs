// AWS Lambda, Node.js runtime. The process is frozen when the handler is done, so it is not done
// before its events are.
import Analytics from '@millrace/node';

// Outside of the handler, so that the calls that follow have it too, with its open connection.
const analytics = new Analytics(process.env.MILLRACE_WRITE_KEY ?? 'YOUR_WRITE_KEY', {
  host: process.env.MILLRACE_HOST ?? 'http://127.0.0.1:3700',
});

export async function handler(event) {
  analytics.track({ userId: event.userId, event: 'Order Completed', properties: { total: event.total } });

  // Less than the function's own time-out. What is late stays queued, and leaves with the next call.
  await analytics.flush({ timeout: 2000 }).catch((error) => console.error('analytics:', error.message));
  return { statusCode: 200 };
}
