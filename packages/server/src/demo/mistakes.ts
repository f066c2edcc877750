import { hex, pick, type Random } from './chance.ts';
import { call, type Call } from './call.ts';
import { PRODUCTS } from './catalog.ts';
import { SOURCES } from './sources.ts';

const WRITE_KEY = SOURCES[1].writeKey;

/** What goes wrong in every real set-up: the collector refuses each with a code of its own. */
const MISTAKES: readonly [Mistake, ...Mistake[]] = [
  // The library lets these two through, as `analytics-node` does: it looks at neither field.
  (random) =>
    call('api', 'track', {
      userId: `user-${hex(random, 6)}`,
      event: 'Wishlist Shared',
      properties: [pick(random, PRODUCTS)],
    }),
  (random) =>
    call('api', 'track', {
      userId: `user-${hex(random, 6)}`,
      event: 'Invoice Paid',
      messageId: hex(random, 128),
    }),
  () => post({ type: 'track', event: 'Stock Counted', properties: { warehouse: 'north' } }),
  (random) => post({ type: 'purchase', userId: `user-${hex(random, 6)}`, total: 12.5 }),
  (random) => post({ type: 'track', userId: `user-${hex(random, 6)}`, event: 404 }),
  (random) =>
    post({
      type: 'track',
      userId: `user-${hex(random, 6)}`,
      event: 'Parcel Handed Over',
      timestamp: 'yesterday',
    }),
  (random) => ({ ...post({ type: 'page', anonymousId: hex(random, 16) }), writeKey: 'a-key-of-last-year' }),
  () => ({ via: 'post', writeKey: WRITE_KEY, body: '{"batch":[{"type":"track","userId":"user-' }),
];

type Mistake = (random: Random) => Call;

export function mistake(random: Random): Call {
  return pick(random, MISTAKES)(random);
}

/** As a warehouse script would do it that somebody wrote without a library. */
function post(event: object): Call {
  return { via: 'post', writeKey: WRITE_KEY, body: JSON.stringify({ batch: [event] }) };
}
