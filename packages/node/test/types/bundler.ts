import Default, { Analytics } from '@millrace/node';

const analytics: Analytics = new Default('KEY', { flushAt: 1, timeout: '10s', overflow: 'drop-oldest' });
const options: Analytics.Options = { host: 'https://example.com' };
const same: typeof Analytics = Default;

analytics
  .track({ userId: 'u', event: 'Signed Up', properties: { plan: 'pro' } }, (error, data) => {
    if (error) process.stderr.write(error.code);
    else process.stdout.write(String(data?.batch.length));
  })
  .identify({ anonymousId: 1, traits: {} })
  .page({ userId: 'u', name: 'Home', channel: 'server' })
  .screen({ userId: 'u' })
  .group({ userId: 'u', groupId: 7 })
  .alias({ userId: 'u', previousId: 'a' });

// @ts-expect-error -- neither userId nor anonymousId
analytics.track({ event: 'Signed Up' });
// @ts-expect-error -- no event
analytics.track({ userId: 'u' });
// @ts-expect-error -- not one of the choices
const refused = new Analytics('KEY', { overflow: 'drop' });

new same({ writeKey: 'KEY', ...options }).on('error', ({ code }) => code);
refused.alias({ userId: 1, previousId: 2 });

interface SignedUp {
  userId: string;
  event: string;
  properties: { plan: string };
}
declare const signedUp: SignedUp;
analytics.track(signedUp);
