// The four places where a program learns that something went wrong. None of them ends the process.
import Analytics from '@millrace/node';

const analytics = new Analytics(process.env.MILLRACE_WRITE_KEY ?? 'YOUR_WRITE_KEY', {
  host: process.env.MILLRACE_HOST ?? 'http://127.0.0.1:3700',
  retryCount: 2, // by default a batch is retried for a minute

  // Once for each batch that failed for good. With it, flush() resolves nonetheless.
  errorHandler: (error) => console.error(`errorHandler: ${error.code}: ${error.message}`),
});

// The same for any number of listeners, such as one that counts.
let failureCount = 0;
analytics.on('error', () => (failureCount += 1));

// What the program itself got wrong throws at the call.
try {
  // @ts-expect-error -- no userId; TypeScript sees it before the call does
  analytics.track({ event: 'Nobody Did This' });
} catch (error) {
  console.error(`thrown: ${error.message}`);
}

// What became of one event.
analytics.track({ userId: 'ada', event: 'Project Created' }, (error) => {
  if (error) console.error(`callback: not delivered: ${error.code}`);
  else console.log('callback: delivered');
});

await analytics.closeAndFlush();
console.log(`failures: ${failureCount}`);
