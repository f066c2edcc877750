// A visitor signs up: what was done before and after belongs to one person.
import Analytics from '@millrace/node';

const analytics = new Analytics(process.env.MILLRACE_WRITE_KEY ?? 'YOUR_WRITE_KEY', {
  host: process.env.MILLRACE_HOST ?? 'http://127.0.0.1:3700',
});

// Before, known only by an id that the visitor carries in a cookie.
analytics.track({ userId: 'visitor-7', event: 'Pricing Viewed' });

// The sign-up ties the two ids together, then says who it is. In this order.
analytics.alias({ previousId: 'visitor-7', userId: 'ada@example.com' });
analytics.identify({ userId: 'ada@example.com', traits: { plan: 'Free' } });

// From now on under the new id.
analytics.track({ userId: 'ada@example.com', event: 'Project Created' });

await analytics.closeAndFlush();
