import { expect, it } from 'vitest';
import { delivered, settlement } from '../ledger/contract.ts';
import { memoryLedger } from '../ledger/memory.ts';
import { LogReadError, type LogReader } from '../log/log.ts';
import { memoryLog } from '../log/memory-log.ts';
import { systemClock } from '../clock.ts';
import { createLogSearch } from '../search/index.ts';
import { createTraceReader } from './index.ts';

const never = new AbortController().signal;

async function rig({ rangeMaxCount = 2, wrap = (reader: LogReader) => reader } = {}) {
  const memory = memoryLog({ rangeMaxCount });
  const { log } = memory;
  const store = memoryLedger();
  const reader = wrap(memory.openReader());
  const receive = (messageId: string, sourceId = 'web', also: object = {}) =>
    log.append([
      {
        sourceId,
        messageId,
        receivedAtMs: 1_000,
        flags: 1,
        json: Buffer.from(JSON.stringify({ messageId, timestamp: '2026-01-01T00:00:00.000Z', ...also })),
      },
    ]);
  const traces = createTraceReader({
    search: createLogSearch({
      reader,
      bounds: () => ({ durableEnds: log.durableEnds, starts: log.starts }),
      clock: systemClock,
    }),
    ledger: store.reader(),
    duplicates: (messageId) => (messageId === 'twice' ? [{ receivedAtMs: 7, sourceId: 'web' }] : []),
  });
  return { ledger: store.open(), receive, traces };
}

it('joins what the log, the ledger and the collector know of an event', async () => {
  const { ledger, receive, traces } = await rig();
  for (const messageId of ['a', 'twice', 'b', 'c', 'd']) await receive(messageId);
  const attempt = { startedAtMs: 1_100, durationMs: 30, code: 'delivered', positions: [1, 2] };
  ledger.commit(settlement({ cursor: 3, attempt, decisions: [delivered(1), delivered(2)] }));
  expect(await traces.trace('twice', never)).toMatchObject({
    events: [
      {
        sourceId: 'web',
        position: 1,
        receivedAtMs: 1_000,
        timestampSkewed: true,
        stamps: { timestamp: '2026-01-01T00:00:00.000Z' },
        destinations: [
          {
            destinationId: 'hook',
            decision: { kind: 'delivered' },
            attempts: [{ startedAtMs: 1_100, durationMs: 30, code: 'delivered', eventCount: 2 }],
          },
        ],
      },
    ],
    duplicates: [{ receivedAtMs: 7 }],
  });
});

it('knows nothing of an id that only stands elsewhere in an event', async () => {
  const { receive, traces } = await rig();
  await receive('a', 'web', { properties: { messageId: 'b' } });
  expect(await traces.trace('b', never)).toBeUndefined();
});

it('finds an id that is written with escapes, at both of its sources, the newest first', async () => {
  const { receive, traces } = await rig({ rangeMaxCount: 10 });
  await receive('say "hi"');
  await receive('say "hi"', 'app');
  const found = await traces.trace('say "hi"', never);
  expect(found?.events.map(({ sourceId }) => sourceId)).toEqual(['app', 'web']);
});

it('reads on in older ranges where one is damaged, and does not call unknown what it cannot tell', async () => {
  const { receive, traces } = await rig({
    wrap: (reader) => ({
      ...reader,
      ranges: (partition) => reader.ranges(partition),
      setDurableEnds: (ends) => reader.setDurableEnds(ends),
      read: (partition, from, limit) => {
        if (from === 2) throw new LogReadError('damaged', 'damaged at 2');
        return reader.read(partition, from, limit);
      },
    }),
  });
  for (const messageId of ['a', 'b', 'c', 'd', 'e']) await receive(messageId);
  expect(await traces.trace('a', never)).toMatchObject({ events: [{ position: 0 }] });
  await expect(traces.trace('c', never)).rejects.toThrow('damaged at 2');
});

it('ends when it is told to', async () => {
  const { receive, traces } = await rig();
  await receive('a');
  await expect(traces.trace('a', AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
});

it('takes what is given up while it looks as not there', async () => {
  const { receive, traces } = await rig({
    wrap: (reader) => ({
      ...reader,
      ranges: (partition) => reader.ranges(partition),
      setDurableEnds: (ends) => reader.setDurableEnds(ends),
      read: (partition, from, limit) => {
        if (from < 2) throw new LogReadError('trimmed', 'trimmed to 2');
        return reader.read(partition, from, limit);
      },
    }),
  });
  for (const messageId of ['a', 'b', 'c']) await receive(messageId);
  expect(await traces.trace('a', never)).toBeUndefined();
  expect(await traces.trace('c', never)).toMatchObject({ events: [{ position: 2 }] });
});
