import { expect, it } from 'vitest';
import type { Call } from './call.ts';
import { nextBurst, runTraffic } from './traffic.ts';

function* numbered(): Generator<Call, never> {
  for (let count = 0; ; count += 1) yield { via: 'post', writeKey: String(count), body: '' };
}

/** Sleeps end at once until there were `count` of them; the last one ends by its signal alone. */
function clockOf(count: number) {
  let sleepCount = 0;
  let asleep: () => void;
  const lastSleep = new Promise<void>((resolve) => (asleep = resolve));
  return {
    lastSleep,
    nowMs: () => 0,
    random: () => 0.5,
    sleep: (_: number, signal?: AbortSignal) => {
      sleepCount += 1;
      if (sleepCount < count) return Promise.resolve();
      asleep();
      return new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve()));
    },
  };
}

it('makes the first call at once and goes on after each pause, in order', async () => {
  const sent: Call[] = [];
  const clock = clockOf(4);
  const traffic = runTraffic({ calls: numbered(), sender: { send: (call) => sent.push(call) }, clock });
  expect(sent.length).toBeGreaterThan(0);
  const firstCount = sent.length;
  await clock.lastSleep;
  expect(sent.length).toBe(4 * firstCount);
  expect(sent).toEqual(Array.from(sent, (_, index) => ({ via: 'post', writeKey: String(index), body: '' })));
  await traffic.stop();
});

it('ends its pause when stopped, and sends nothing more', async () => {
  const sent: Call[] = [];
  const clock = clockOf(1);
  const traffic = runTraffic({ calls: numbered(), sender: { send: (call) => sent.push(call) }, clock });
  await clock.lastSleep;
  const sentCount = sent.length;
  await traffic.stop();
  expect(sent.length).toBe(sentCount);
});

it('makes 10 to 20 calls a second over time', () => {
  // Every pair of chances on a grid, so that the mean is that of the distribution.
  const steps = Array.from({ length: 40 }, (_, index) => (index + 0.5) / 40);
  const bursts = steps.flatMap((a) =>
    steps.flatMap((b) =>
      [0.5, a].map((pause) => {
        const chances = [a, b, pause];
        return nextBurst(() => chances.shift()!);
      }),
    ),
  );
  const callCount = bursts.reduce((sum, burst) => sum + burst.callCount, 0);
  const pausedMs = bursts.reduce((sum, burst) => sum + burst.pauseMs, 0);
  expect((callCount / pausedMs) * 1000).toBeGreaterThan(10);
  expect((callCount / pausedMs) * 1000).toBeLessThan(20);
});
