import { between, happens, type Random } from './chance.ts';

/** What a vendor's API does with one request. */
export interface VendorReply {
  /** `silence`: no answer at all. */
  status: number | 'silence';
  delayMs: number;
  retryAfterSeconds?: number;
}

/** @param upMs Since the demo started. */
export type Vendor = (random: Random, upMs: number) => VendorReply;

/** Sound, but does not like every event. */
export const crm: Vendor = (random) => ({
  status: happens(random, 0.01) ? 422 : 200,
  delayMs: between(random, 20, 80),
});

const CYCLE_MS = 30_000;
const ILL_FROM_MS = 8_000;
const ILL_UNTIL_MS = 16_000;

/** Ill for eight seconds of every thirty: overloaded, rate-limited or silent. */
export const newsletter: Vendor = (random, upMs) => {
  const delayMs = between(random, 30, 120);
  const atMs = upMs % CYCLE_MS;
  if (atMs < ILL_FROM_MS || atMs >= ILL_UNTIL_MS) {
    if (happens(random, 0.01)) return { status: 410, delayMs };
    return { status: happens(random, 0.03) ? 503 : 202, delayMs };
  }
  if (happens(random, 0.6)) return { status: 503, delayMs };
  if (happens(random, 0.75)) return { status: 429, delayMs, retryAfterSeconds: 2 };
  return { status: 'silence', delayMs };
};
