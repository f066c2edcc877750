import Default, { Analytics } from '@millrace/node';
import * as everything from '@millrace/node';

const analytics: Analytics = new Default({ writeKey: 'KEY', maxRetries: 3 });
const options: Analytics.Options = { flushInterval: 1_000 };
const data: Analytics.FlushData | undefined = await analytics.flush();
const failed = (error: Analytics.AnalyticsError): number | undefined => error.response?.status;

analytics.on('error', failed).once('error', failed).off('error', failed);
await analytics.flush((error, data) => [error?.code, data?.sentAt.getTime()]);
await analytics.flush({ timeout: 500, close: true });
await analytics.closeAndFlush({ timeout: '2s' });
data?.timestamp.toISOString();
new everything.Analytics('KEY', options).queue.push({ message: { event: 'e' } });

// @ts-expect-error -- read-only
analytics.enable = false;
