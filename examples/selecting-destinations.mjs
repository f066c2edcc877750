// An event says itself which destinations it is meant for. By default all of them; and what only
// stores, such as files and warehouses, gets it in any case.
import Analytics from '@millrace/node';

const analytics = new Analytics(process.env.MILLRACE_WRITE_KEY ?? 'YOUR_WRITE_KEY', {
  host: process.env.MILLRACE_HOST ?? 'http://127.0.0.1:3700',
});

analytics.track({ userId: 'ada', event: 'Project Created' });

// To these alone. Names are those of your destinations; upper and lower case count.
analytics.track({
  userId: 'ada',
  event: 'Membership Upgraded',
  integrations: { All: false, crm: true },
});

// To all but these.
analytics.track({
  userId: 'ada',
  event: 'Password Changed',
  integrations: { crm: false },
});

await analytics.closeAndFlush();
