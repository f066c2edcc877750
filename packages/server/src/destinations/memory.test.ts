import { describe, expect, it } from 'vitest';
import { deliveryEvent, describeDestination } from './contract.ts';
import { memoryDestination } from './memory.ts';

describeDestination('memory', () => {
  const destination = memoryDestination();
  return Promise.resolve({
    destination,
    received: () => Promise.resolve([...destination.delivered]),
    breakVendor: () =>
      destination.script((events) => ({
        outcomes: events.map(() => ({ kind: 'rejected', code: 'HTTP_400' })),
      })),
    hangVendor: () =>
      destination.script(
        (_, { signal }) =>
          new Promise((_, reject) => {
            signal.addEventListener('abort', () => reject(signal.reason as Error));
          }),
      ),
    secrets: [],
    dispose: () => Promise.resolve(),
  });
});

describe('the in-memory destination', () => {
  it('answers as scripted, then delivers', async () => {
    const destination = memoryDestination({ maxConcurrency: 2 });
    destination.script(() => ({ outcomes: [{ kind: 'retry', code: 'TIMEOUT' }] }));
    const context = { state: undefined, signal: new AbortController().signal };
    const events = [deliveryEvent('a'), deliveryEvent('b')];
    expect(await destination.deliver(events, context)).toStrictEqual({
      outcomes: [{ kind: 'retry', code: 'TIMEOUT' }],
    });
    await destination.deliver(events, context);
    expect(destination).toMatchObject({
      maxConcurrency: 2,
      calls: [
        ['a', 'b'],
        ['a', 'b'],
      ],
      delivered: ['a', 'b'],
    });
  });
});
