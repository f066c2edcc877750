// In development: every event leaves at once, and the program sees what became of it.
import Analytics from '@millrace/node';

const analytics = new Analytics(process.env.MILLRACE_WRITE_KEY ?? 'YOUR_WRITE_KEY', {
  host: process.env.MILLRACE_HOST ?? 'http://127.0.0.1:3700',
  flushAt: 1,
});

function report(error) {
  if (error) console.error('not delivered:', error.message);
  else console.log('delivered');
}

analytics.identify({ userId: 'ada', traits: { plan: 'Pro' } }, report);
analytics.track({ userId: 'ada', event: 'Report Opened', properties: { pages: 3 } }, report);
