// A test of code that tracks, without a network. With Node's own runner: node --test examples/
import { strict as assert } from 'node:assert';
import test from 'node:test';
import { createRecorder } from '@millrace/node/testing';

// Yours: whatever is given a client.
function completeOrder(analytics, { userId, items }) {
  const total = items.reduce((sum, { price }) => sum + price, 0);
  analytics.track({ userId, event: 'Order Completed', properties: { total, count: items.length } });
  if (total >= 100) analytics.identify({ userId, traits: { plan: 'Gold' } });
}

test('a completed order is tracked with its total', () => {
  const recorder = createRecorder();
  completeOrder(recorder.analytics, { userId: 'ada', items: [{ price: 30 }, { price: 12.5 }] });

  recorder.expectTracked('Order Completed', { total: 42.5 });
  assert.equal(recorder.ofType('identify').length, 0);
});

test('a large order makes a gold customer', () => {
  const recorder = createRecorder();
  completeOrder(recorder.analytics, { userId: 'ada', items: [{ price: 120 }] });

  recorder.expectEvent('identify', { userId: 'ada', traits: { plan: 'Gold' } });
});
