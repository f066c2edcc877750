import { readFileSync } from 'node:fs';
import { REFUSAL_CODES, type RefusalCode } from '@millrace/spec';
import { describe, expect, it } from 'vitest';
import { ANSWERS, codeOfError, refusalBody, successBody } from './replies.ts';
import { SourceWriteError } from './sources.ts';

const codes = Object.keys(REFUSAL_CODES) as RefusalCode[];

/** From tracking-api.md: everything else in 4xx makes Segment's SDKs drop the batch. */
const isRetriedBySdks = (status: number): boolean =>
  [408, 410, 429, 460].includes(status) || (status >= 500 && ![501, 505, 511].includes(status));

describe('answers', () => {
  it('lets SDKs send again exactly what another attempt may cure', () => {
    const retried = codes.filter((code) => isRetriedBySdks(ANSWERS[code].status));
    expect(retried).toEqual(['log_unavailable', 'disk_full', 'shutting_down', 'internal_error']);
  });

  it('says when to send again, where that helps', () => {
    for (const code of codes) {
      const { status, retryAfterSeconds } = ANSWERS[code];
      expect(retryAfterSeconds !== undefined).toBe(isRetriedBySdks(status));
    }
  });

  it('is what docs/codes.md says', () => {
    const page = readFileSync(new URL('../../../../docs/codes.md', import.meta.url), 'utf8');
    const documented = [...page.matchAll(/^\| `(\w+)` +\| (\d{3}) /gm)].map(([, code, status]) => [
      code,
      Number(status),
    ]);
    expect(documented).toEqual(codes.map((code) => [code, ANSWERS[code].status]));
  });

  it('carries the code and safe words', () => {
    expect(JSON.parse(refusalBody('empty_batch'))).toEqual({
      success: false,
      code: 'empty_batch',
      message: 'the batch holds no event',
    });
  });

  it('carries verdicts only when asked', () => {
    expect(JSON.parse(successBody())).toEqual({ success: true });
    expect(JSON.parse(successBody([]))).toEqual({ success: true, verdicts: [] });
  });
});

describe('codeOfError', () => {
  it.each([
    [new SourceWriteError('disk_full', 'x'), 'disk_full'],
    [{ code: 'FST_ERR_CTP_BODY_TOO_LARGE', statusCode: 413 }, 'batch_too_large'],
    [{ code: 'FST_ERR_CTP_INVALID_MEDIA_TYPE', statusCode: 415 }, 'unsupported_content_type'],
    [{ code: 'FST_ERR_BAD_URL', statusCode: 400 }, 'invalid_request'],
    [{ statusCode: 503 }, 'internal_error'],
    [new Error('ours'), 'internal_error'],
    ['thrown words', 'internal_error'],
    [undefined, 'internal_error'],
  ])('%o → %s', (error, code) => {
    expect(codeOfError(error)).toBe(code);
  });
});
