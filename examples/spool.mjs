// Events that outlive the process. Try it without a server: run it, end it in any way, even by
// kill -9, and run it again when the server is there: both starts arrive.
import Analytics from '@millrace/node';

const analytics = new Analytics(process.env.MILLRACE_WRITE_KEY ?? 'YOUR_WRITE_KEY', {
  host: process.env.MILLRACE_HOST ?? 'http://127.0.0.1:3700',
  spool: { dir: process.env.MILLRACE_SPOOL ?? '.spool' },
});

analytics.track({ userId: 'worker-1', event: 'Worker Started', properties: { pid: process.pid } });

// What is tracked in one turn of the event loop is on the disk in the next.
setImmediate(() => console.log(`${analytics.stats().spool?.eventCount} on the disk`));
