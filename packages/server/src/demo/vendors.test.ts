import { describe, expect, it } from 'vitest';
import { crm, newsletter, type Vendor } from './vendors.ts';

/** How a vendor answers over all chances, on a grid; what a delay is does not matter. */
function statuses(vendor: Vendor, upMs: number): (number | 'silence')[] {
  const steps = Array.from({ length: 100 }, (_, index) => (index + 0.5) / 100);
  return steps.flatMap((a) =>
    steps.map((b) => {
      const chances = [0.5, a, b];
      return vendor(() => chances.shift()!, upMs).status;
    }),
  );
}
const share = (all: readonly unknown[], one: unknown) =>
  all.filter((each) => each === one).length / all.length;

describe('the newsletter tool', () => {
  it('takes nearly all while it is well', () => {
    for (const upMs of [0, 7_999, 16_000, 29_999, 30_000, 50_000]) {
      expect(share(statuses(newsletter, upMs), 202)).toBeGreaterThan(0.9);
    }
  });

  it.each([8_000, 15_999, 38_000])('takes nothing while it is ill, in three ways (after %i ms)', (upMs) => {
    const all = statuses(newsletter, upMs);
    expect(new Set(all)).toEqual(new Set([503, 429, 'silence']));
    expect(share(all, 'silence')).toBeCloseTo(0.1, 1);
  });

  it('says how long to stay away when it limits the rate', () => {
    const chances = [0.5, 0.7, 0.1];
    expect(newsletter(() => chances.shift()!, 10_000)).toMatchObject({ status: 429, retryAfterSeconds: 2 });
  });
});

it('the CRM rejects a few for good and takes the rest', () => {
  let rejectedCount = 0;
  for (let index = 0; index < 100; index += 1) {
    const { status } = crm(() => (index + 0.5) / 100, 0);
    expect([200, 422]).toContain(status);
    if (status === 422) rejectedCount += 1;
  }
  expect(rejectedCount).toBe(1);
});
