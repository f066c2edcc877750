import { describe, expect, it } from 'vitest';
import { isRetryableToAnalyticsNode } from './legacy-retryable.ts';

describe('isRetryableToAnalyticsNode', () => {
  it.each([
    { code: 'ETIMEDOUT' },
    { code: 'ECONNRESET' },
    { code: 'ECONNREFUSED' },
    { response: { status: 500 } },
    { response: { status: 501 } },
    { response: { status: 599 } },
    { response: { status: 429 } },
  ])('says yes to %j', (error) => {
    expect(isRetryableToAnalyticsNode(error)).toBe(true);
  });

  it.each([
    {},
    null,
    undefined,
    { code: 'ECONNABORTED' },
    { code: 'ENOTFOUND' },
    { code: 'CERT_HAS_EXPIRED' },
    { code: 'ERR_BAD_REQUEST', response: { status: 400 } },
    { response: { status: 200 } },
    { response: { status: 408 } },
    { response: { status: 600 } },
  ])('says no to %j', (error) => {
    expect(isRetryableToAnalyticsNode(error)).toBe(false);
  });
});
