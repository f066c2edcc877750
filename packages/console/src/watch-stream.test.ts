import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { received, refused, status } from './fakes.ts';
import { watchStream, type Connection, type EventStream, type StreamBatch } from './watch-stream.ts';

class FakeStream implements EventStream {
  closed = false;
  readonly url: string;
  readonly #listeners = new Map<string, (event: MessageEvent<string>) => void>();

  constructor(url: string) {
    this.url = url;
  }

  addEventListener(type: string, listener: (event: MessageEvent<string>) => void): void {
    this.#listeners.set(type, listener);
  }

  close(): void {
    this.closed = true;
  }

  fire(type: string, data: unknown = null, lastEventId = ''): void {
    this.#listeners.get(type)?.(new MessageEvent(type, { data: JSON.stringify(data), lastEventId }));
  }
}

let streams: FakeStream[];
let batches: StreamBatch[];
let connections: Connection['kind'][];

beforeEach(() => {
  vi.useFakeTimers();
  [streams, batches, connections] = [[], [], []];
});
afterEach(() => {
  vi.useRealTimers();
});

function watch(): () => void {
  return watchStream({
    open: (url) => {
      const stream = new FakeStream(url);
      streams.push(stream);
      return stream;
    },
    onBatch: (batch) => batches.push(batch),
    onConnection: ({ kind }) => connections.push(kind),
  });
}

test('what arrives close together is handed on together', () => {
  watch();
  const [stream] = streams;
  stream!.fire('received', { events: [received(1), received(2)], skippedCount: 4 }, 'a');
  stream!.fire('refused', { events: [refused(3)], skippedCount: 1 }, 'b');
  stream!.fire('status', status, 'b');
  expect(batches).toEqual([]);

  vi.advanceTimersByTime(200);
  expect(batches).toEqual([{ events: [received(1), received(2), refused(3)], skippedCount: 5, status }]);
  vi.advanceTimersByTime(10_000);
  expect(batches).toHaveLength(1);
});

test('comes back by itself, where it was, more and more patiently', () => {
  watch();
  streams[0]!.fire('open');
  streams[0]!.fire('received', { events: [received(1)], skippedCount: 0 }, '0:2/1:0');
  streams[0]!.fire('error');
  expect(streams[0]!.closed).toBe(true);
  expect(connections).toEqual(['open', 'lost']);

  vi.advanceTimersByTime(500);
  expect(streams.map(({ url }) => url)).toEqual(['api/stream', 'api/stream?after=0%3A2%2F1%3A0']);
  streams[1]!.fire('error');
  vi.advanceTimersByTime(999);
  expect(streams).toHaveLength(2);
  vi.advanceTimersByTime(1);
  expect(streams).toHaveLength(3);

  streams[2]!.fire('open');
  expect(connections.at(-1)).toBe('open');
  streams[2]!.fire('error');
  vi.advanceTimersByTime(500);
  expect(streams).toHaveLength(4);
});

test('never waits longer than five seconds', () => {
  watch();
  for (let round = 0; round < 10; round++) {
    streams.at(-1)!.fire('error');
    vi.advanceTimersByTime(5_000);
    expect(streams).toHaveLength(round + 2);
  }
});

test('told to stop, it closes and stays silent', () => {
  const stop = watch();
  streams[0]!.fire('received', { events: [received(1)], skippedCount: 0 }, 'a');
  stop();
  vi.advanceTimersByTime(60_000);
  expect(streams[0]!.closed).toBe(true);
  expect(batches).toEqual([]);
  expect(streams).toHaveLength(1);
});
