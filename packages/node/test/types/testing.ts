import { Analytics } from '@millrace/node';
import { createRecorder, type RecordedEvent, type Recorder } from '@millrace/node/testing';

interface Events {
  'Order Completed': { total: number; items: { sku: string; count: number }[]; at?: Date };
  'Signed Out': undefined;
}

const recorder: Recorder<Events> = createRecorder<Events>();
const analytics: Analytics<Events> = recorder.analytics;
analytics.track({ userId: 'u', event: 'Signed Out' });
declare function program(client: Analytics): void;
program(recorder.analytics);

const found: RecordedEvent = recorder.expectTracked('Order Completed', { total: 39.95 });
const { properties } = found;
recorder.expectTracked('Order Completed', { items: [{ sku: 'a' }], at: new Date(properties.at) });
recorder.expectNotTracked('Signed Out');
// @ts-expect-error -- no such event
recorder.expectTracked('Order Complete');
// @ts-expect-error -- a property of another type
recorder.expectTracked('Order Completed', { total: '39.95' });
// @ts-expect-error -- a property that the event does not have
recorder.expectNotTracked('Order Completed', { items: [{ skew: 'a' }] });
// @ts-expect-error -- no type of event
recorder.ofType('order');

// A recorder of some events records those of a program that declares none.
const loose = createRecorder();
loose.expectTracked('Anything', { at: 'all' });
loose.expectEvent('identify', { userId: 'u', traits: { plan: 'Pro' } });
export const [first]: RecordedEvent[] = [...loose.events(), ...recorder.ofType('page')];
recorder.clear();
