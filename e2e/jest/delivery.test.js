// As tests of programs on analytics-node are: CommonJS, a server of their own, fake timers.
const { createServer } = require('node:http');
const events = require('node:events');
const { json } = require('node:stream/consumers');
const Analytics = require('@millrace/node');

const batches = [];
let server;
let host;

async function answer(request, response) {
  const { batch } = await json(request);
  batches.push(batch.map(({ event }) => event));
  response.end('{"success":true}');
}

beforeAll(async () => {
  server = createServer()
    .on('request', (...exchange) => void answer(...exchange))
    .listen(0, '127.0.0.1');
  await events.once(server, 'listening');
  host = `http://127.0.0.1:${server.address().port}`;
});
beforeEach(() => {
  batches.length = 0;
});
afterAll(() => {
  // Kept connections too, which end by themselves only after five seconds.
  server.closeAllConnections();
  server.close();
});

test('the flush interval is one of the fake timers', async () => {
  jest.useFakeTimers();
  const analytics = new Analytics('KEY', { host, flushInterval: 5_000 });
  await new Promise((resolve) => {
    analytics.track({ userId: 'u', event: 'First' }, resolve);
  });
  const delivered = new Promise((resolve) => {
    analytics.track({ userId: 'u', event: 'Second' }, resolve);
  });
  expect(jest.getTimerCount()).toBe(1);
  jest.advanceTimersByTime(4_999);
  expect(analytics.queue).toHaveLength(1);
  jest.advanceTimersByTime(1);
  expect(await delivered).toBeUndefined();
  expect(batches).toEqual([['First'], ['Second']]);
  jest.useRealTimers();
});

test('a timer that is left when the test ends keeps nothing open', async () => {
  const analytics = new Analytics('KEY', { host });
  analytics.flushed = true;
  analytics.track({ userId: 'u', event: 'Waits for its timer' });
  expect(analytics.timer).toBeDefined();
  await analytics.flush();
  analytics.track({ userId: 'u', event: 'Left' });
  expect(batches).toEqual([['Waits for its timer']]);
});

test('a spy on a method is called, and the rest works', async () => {
  const analytics = new Analytics('KEY', { host, flushAt: 1 });
  const enqueue = jest.spyOn(analytics, 'enqueue');
  analytics.identify({ userId: 'u', traits: {} });
  expect(enqueue).toHaveBeenCalledWith('identify', { userId: 'u', traits: {} }, undefined);
  await analytics.flush();
  expect(batches).toHaveLength(1);
});
