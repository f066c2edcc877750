// Two sources, each with a key and settings of its own. Clients share nothing.
import Analytics from '@millrace/node';

const host = process.env.MILLRACE_HOST ?? 'http://127.0.0.1:3700';

const app = new Analytics(process.env.MILLRACE_WRITE_KEY ?? 'APP_WRITE_KEY', { host });
const marketing = new Analytics(process.env.MARKETING_WRITE_KEY ?? 'MARKETING_WRITE_KEY', {
  host,
  flushAt: 100, // rarely, and in larger batches
  flushInterval: 60_000,
});

marketing.page({ anonymousId: 'visitor-7', name: 'Pricing' });
marketing.track({ anonymousId: 'visitor-7', event: 'Brochure Downloaded' });
app.track({ userId: 'ada', event: 'Project Created' });

await Promise.all([app.closeAndFlush(), marketing.closeAndFlush()]);
