// Events that are declared: a wrong name or property does not compile.
import Analytics from '@millrace/node';

interface Events {
  'Order Completed': { total: number; coupon?: string };
  'Signed Out': undefined; // without properties
}

const analytics = new Analytics<Events>(process.env.MILLRACE_WRITE_KEY ?? 'YOUR_WRITE_KEY', {
  host: process.env.MILLRACE_HOST ?? 'http://127.0.0.1:3700',
});

analytics.track({ userId: 'ada', event: 'Order Completed', properties: { total: 39.95 } });
analytics.track({ userId: 'ada', event: 'Signed Out' });

// For the compiler alone: nobody calls it.
export function mistakes(): void {
  // @ts-expect-error -- there is no event of this name
  analytics.track({ userId: 'ada', event: 'Order Complete', properties: { total: 39.95 } });
  // @ts-expect-error -- a total is a number
  analytics.track({ userId: 'ada', event: 'Order Completed', properties: { total: '39.95' } });
}

await analytics.closeAndFlush();
