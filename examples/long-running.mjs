// A service that runs until it is told to stop, and then sends what it still holds.
import Analytics from '@millrace/node';

const analytics = new Analytics(process.env.MILLRACE_WRITE_KEY ?? 'YOUR_WRITE_KEY', {
  host: process.env.MILLRACE_HOST ?? 'http://127.0.0.1:3700',
  errorHandler: (error) => console.error('analytics:', error.message),
});

let tick = 0;
const work = setInterval(() => {
  tick += 1;
  analytics.track({ userId: 'worker-1', event: 'Tick', properties: { tick } });
  console.log(`tick ${tick}`);
}, 20);

// First the work, then the client: what is tracked after close is dropped.
async function stop(exitCode) {
  clearInterval(work);
  console.log('stopping');
  try {
    await analytics.closeAndFlush({ timeout: 10_000 });
    console.log(`stopped after ${tick} ticks`);
  } catch (error) {
    console.error('analytics:', error.message);
    exitCode = 1;
  }
  process.exit(exitCode);
}

// `once`: whoever asks a second time does not want to wait. Node then ends the process as if
// there were no listener.
process.once('SIGTERM', () => void stop(0));
process.once('SIGINT', () => void stop(0));

// A process in an unknown state must end, but its events need not go with it.
process.once('uncaughtException', (error) => {
  console.error(error);
  void stop(1);
});
