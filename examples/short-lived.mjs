// A script, a cron job: few events, then the end. It waits for them and says if they did not arrive.
import { randomUUID } from 'node:crypto';
import Analytics from '@millrace/node';

const analytics = new Analytics(process.env.MILLRACE_WRITE_KEY ?? 'YOUR_WRITE_KEY', {
  host: process.env.MILLRACE_HOST ?? 'http://127.0.0.1:3700',
});

const runId = randomUUID();
analytics.track({ anonymousId: runId, event: 'Backup Started' });
analytics.track({ anonymousId: runId, event: 'Backup Finished', properties: { files: 1024 } });

try {
  await analytics.closeAndFlush({ timeout: 5000 });
} catch (error) {
  console.error('analytics:', error.message);
  process.exitCode = 1;
}
