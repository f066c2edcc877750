// Segment keeps a workspace in one of two regions. Without the option: `us`.
import Analytics from '@millrace/node';

const analytics = new Analytics(process.env.MILLRACE_WRITE_KEY ?? 'YOUR_WRITE_KEY', {
  region: 'eu', // Dublin
});

analytics.track({ userId: 'ada', event: 'Project Created' });

await analytics.closeAndFlush();
