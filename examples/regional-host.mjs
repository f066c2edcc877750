// Segment keeps a workspace in one of two regions. Without an option: in the United States.
import Analytics from '@millrace/node';

const analytics = new Analytics(process.env.MILLRACE_WRITE_KEY ?? 'YOUR_WRITE_KEY', {
  host: 'https://events.eu1.segmentapis.com', // Dublin
});

analytics.track({ userId: 'ada', event: 'Project Created' });

await analytics.closeAndFlush();
