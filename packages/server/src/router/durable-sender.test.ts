import { setImmediate as nextTurn } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import { durableSender } from './durable-sender.ts';

describe('the sender of durable ends', () => {
  let told: number[];
  let sent: () => void;
  let wake: () => void;
  let tell: (end: number) => void;

  beforeEach(() => {
    told = [];
    const sender = durableSender(
      (ends, done) => {
        told.push(ends[0]!);
        sent = done;
      },
      {
        sleep: () => new Promise((resolve) => (wake = resolve)),
      },
    );
    tell = (end) => sender({ 0: end });
  });

  it('sends the first at once, and the newest of those that come soon after it', async () => {
    tell(1);
    expect(told).toEqual([1]);
    tell(2);
    tell(3);
    sent();
    await nextTurn();
    expect(told).toEqual([1]);
    wake();
    await nextTurn();
    expect(told).toEqual([1, 3]);
  });

  it('waits for a router that has not taken the message before', async () => {
    tell(1);
    tell(2);
    wake();
    await nextTurn();
    expect(told).toEqual([1]);
    sent();
    await nextTurn();
    expect(told).toEqual([1, 2]);
  });

  it('sends at once again when nothing came for a while', async () => {
    tell(1);
    sent();
    wake();
    await nextTurn();
    tell(2);
    expect(told).toEqual([1, 2]);
  });
});
