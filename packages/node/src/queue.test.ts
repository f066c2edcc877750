import { describe, expect, it } from 'vitest';
import type { OutgoingEvent } from './outgoing.ts';
import { EventQueue } from './queue.ts';

function event(name: string, callback?: () => void): OutgoingEvent {
  const json = JSON.stringify({ event: name, timestamp: '2026-11-23T10:00:00.000Z' });
  return { json, bytes: Buffer.byteLength(json), callback };
}

const callback = (): void => undefined;

const noFault = (): never => {
  throw new Error('nothing here is unserialisable');
};

function taken(queue: EventQueue): string[] {
  return queue.take(noFault).map(({ json }) => json);
}

describe('EventQueue', () => {
  it('gives events back in order, and is empty then', () => {
    const queue = new EventQueue();
    queue.push(event('a'));
    queue.push(event('b'));
    expect([queue.count, queue.bytes]).toEqual([2, 2 * event('a').bytes]);
    expect(taken(queue)).toEqual([event('a').json, event('b').json]);
    expect([queue.count, queue.bytes, taken(queue)]).toEqual([0, 0, []]);
  });

  it('shows plain items, with the timestamp as a Date', () => {
    const queue = new EventQueue();
    queue.push(event('a', callback));
    const message = { event: 'a', timestamp: new Date('2026-11-23T10:00:00.000Z') };
    expect(queue.items).toStrictEqual([{ message, callback }]);
    expect(Object.keys(queue.items[0]!)).toEqual(['message', 'callback']);
  });

  it('goes on with the same array once it was shown', () => {
    const queue = new EventQueue();
    const { items } = queue;
    queue.push(event('a'));
    expect(items).toHaveLength(1);
    expect(taken(queue)).toEqual([event('a').json]);
    expect(items).toHaveLength(0);
    queue.push(event('b'));
    expect(queue.items).toBe(items);
    expect(items).toHaveLength(1);
  });

  it('follows what is done to the array', () => {
    const queue = new EventQueue();
    for (const name of ['a', 'b', 'c']) queue.push(event(name));
    queue.items.shift();
    queue.items.reverse();
    expect([queue.count, queue.bytes]).toEqual([2, 2 * event('a').bytes]);
    queue.push(event('d'));
    expect(queue.bytes).toBe(3 * event('a').bytes);
    expect(taken(queue)).toEqual(['c', 'b', 'd'].map((name) => event(name).json));
  });

  it('sends a message as it was changed to in the queue', () => {
    const queue = new EventQueue();
    queue.push(event('a'));
    queue.push(event('b'));
    (queue.items[0]!.message as { event: string }).event = 'changed';
    queue.items[1]!.message = 'replaced';
    expect(taken(queue)).toEqual([event('changed').json, '"replaced"']);
  });

  it('calls back as an item was changed to', () => {
    const queue = new EventQueue();
    queue.push(event('a'));
    queue.items[0]!.callback = callback;
    expect(queue.take(noFault)[0]!.callback).toBe(callback);
  });

  it('takes items that a program made, whatever they lack', () => {
    const queue = new EventQueue();
    queue.items = [{ message: 'a', callback }, { message: { n: 1 } }, {}];
    expect(queue.bytes).toBe('"a"{"n":1}null'.length);
    const events = queue.take(noFault);
    expect(events.map(({ json, bytes, callback }) => [json, bytes, callback])).toEqual([
      ['"a"', 3, callback],
      ['{"n":1}', 7, undefined],
      ['null', 4, undefined],
    ]);
  });

  it('reports what JSON cannot hold, and gives the rest', () => {
    const queue = new EventQueue();
    queue.items = [{ message: 1n, callback }, { message: 'b' }];
    expect(queue.bytes).toBe(3);
    const faults: unknown[] = [];
    const events = queue.take((...fault) => faults.push(fault));
    expect(events.map(({ json }) => json)).toEqual(['"b"']);
    expect(faults).toEqual([
      [callback, expect.objectContaining({ message: expect.stringMatching(/BigInt/) as string })],
    ]);
  });
});
