import { Analytics } from '@millrace/node';

interface Events {
  'Order Completed': { total: number; coupon?: string };
  'Report Opened': { from?: string };
  'Signed Out': undefined;
}

const analytics = new Analytics<Events>('KEY');

analytics
  .track({ userId: 'u', event: 'Order Completed', properties: { total: 39.95 } }, (error) => error?.code)
  .track({ anonymousId: 1, event: 'Order Completed', properties: { total: 1, coupon: 'x' }, channel: 'shop' })
  .track({ userId: 'u', event: 'Report Opened' })
  .track({ userId: 'u', event: 'Report Opened', properties: { from: 'mail' }, context: { ip: '::1' } })
  .track({ userId: 'u', event: 'Signed Out' });

// @ts-expect-error -- no such event
analytics.track({ userId: 'u', event: 'Order Complete', properties: { total: 1 } });
// @ts-expect-error -- a property of another type
analytics.track({ userId: 'u', event: 'Order Completed', properties: { total: '1' } });
// @ts-expect-error -- a property that the event does not have
analytics.track({ userId: 'u', event: 'Order Completed', properties: { total: 1, toatl: 1 } });
// @ts-expect-error -- a property that is only another event's
analytics.track({ userId: 'u', event: 'Report Opened', properties: { coupon: 'x' } });
// @ts-expect-error -- a required property is missing
analytics.track({ userId: 'u', event: 'Order Completed', properties: {} });
// @ts-expect-error -- required properties are missing
analytics.track({ userId: 'u', event: 'Order Completed' });
// @ts-expect-error -- an event without properties
analytics.track({ userId: 'u', event: 'Signed Out', properties: { at: 'home' } });
// @ts-expect-error -- no event
analytics.track({ userId: 'u', properties: { total: 1 } });
// @ts-expect-error -- neither userId nor anonymousId
analytics.track({ event: 'Signed Out' });
// @ts-expect-error -- properties are an object
export const noMap = new Analytics<{ Broken: number }>('KEY');

// What wraps `track`.
declare const either: 'Report Opened' | 'Signed Out';
analytics.track({ userId: 'u', event: either });
export const send = (message: Analytics.TrackMessage<Events>): unknown => analytics.track(message);
send({ userId: 'u', event: 'Order Completed', properties: { total: 1 } });
// @ts-expect-error -- not the properties of this event
send({ userId: 'u', event: 'Order Completed', properties: { from: 'mail' } });

// Some declared, any other allowed.
new Analytics<{ [name: string]: object; 'Order Completed': { total: number } }>('KEY').track({
  userId: 'u',
  event: 'Anything',
  properties: { at: 'all' },
});

// What takes any client takes this one, and the other way round.
declare function program(client: Analytics): void;
program(analytics);
export const typedLater: Analytics<Events> = new Analytics('KEY');

// Without declared events.
const loose = new Analytics('KEY');
loose.track({ userId: 'u', event: 'Anything', properties: { at: 'all' } });
// @ts-expect-error -- properties are an object
loose.track({ userId: 'u', event: 'Anything', properties: 'at all' });

// Traits.
const withTraits = new Analytics<Events, { plan: 'Free' | 'Pro' }>({ writeKey: 'KEY' });
withTraits.identify({ userId: 'u', traits: { plan: 'Pro' } });
// @ts-expect-error -- not one of the plans
withTraits.identify({ userId: 'u', traits: { plan: 'Por' } });

// Where `withContext` may say who it is about.
const inRequest: Analytics.InContext<Events> = new Analytics('KEY');
inRequest.track({ event: 'Signed Out' }).identify({ traits: {} }).page({}).screen({}).group({ groupId: 'g' });
inRequest.track({ userId: 'u', event: 'Signed Out' });
interface Visitor {
  anonymousId: string;
  plan: string;
}
declare const visitor: Visitor;
export const answered: Promise<number> = inRequest.withContext(visitor, async () => {
  inRequest.track({ event: 'Signed Out' });
  return 200;
});
// @ts-expect-error -- a client that does not leave its user to the context
analytics.withContext(visitor, () => analytics.track({ event: 'Signed Out' }));
// @ts-expect-error -- no such event
inRequest.track({ event: 'Signed In' });
// @ts-expect-error -- an id is text or a number
inRequest.track({ userId: {}, event: 'Signed Out' });
export const view: Analytics.InContext<Events> = analytics;
program(inRequest);
