import { expect, test } from 'vitest';
import type { EventLog, NewEvent } from '../log/log.ts';
import { countReceived } from './received-counter.ts';

const event: NewEvent = {
  sourceId: 'web',
  messageId: 'm',
  receivedAtMs: 1,
  flags: 0,
  json: Buffer.from('{}'),
};

test('counts what was appended, not duplicates nor what failed', async () => {
  let isFull = false;
  const inner: Pick<EventLog, 'append'> = {
    append: async () => {
      if (isFull) throw new Error('full');
      return ['appended', 'duplicate', 'appended'];
    },
  };
  const tookMs: number[] = [];
  const { log, receivedCount } = countReceived(inner, (durationMs) => tookMs.push(durationMs));

  expect(await log.append([event, event, event])).toEqual(['appended', 'duplicate', 'appended']);
  isFull = true;
  await expect(log.append([event])).rejects.toThrow('full');
  expect(receivedCount()).toBe(2);
  expect(tookMs).toHaveLength(2);
});
