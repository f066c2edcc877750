import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inflateBody, isPlain } from './inflate.ts';

const TEXT = Buffer.from(
  JSON.stringify({ batch: Array.from({ length: 50 }, (_, n) => ({ event: `E${n}` })) }),
);
const LIMIT = 100_000;

const ENCODED: [string, Buffer][] = [
  ['gzip', gzipSync(TEXT)],
  ['GZip ', gzipSync(TEXT)],
  ['x-gzip', gzipSync(TEXT)],
  ['deflate', deflateSync(TEXT)],
  ['deflate', deflateRawSync(TEXT)],
  ['br', brotliCompressSync(TEXT)],
];

describe('a compressed body', () => {
  it.each(ENCODED)('is read: %s', async (encoding, body) => {
    expect(await inflateBody(encoding, body, LIMIT)).toEqual({ body: TEXT });
  });

  it.each(ENCODED)(
    'may be as large as the limit when it is decoded, and no larger: %s',
    async (encoding, body) => {
      expect(await inflateBody(encoding, body, TEXT.length)).toEqual({ body: TEXT });
      expect(await inflateBody(encoding, body, TEXT.length - 1)).toEqual({ code: 'too_large' });
    },
  );

  it.each(ENCODED)('that is cut off is refused: %s', async (encoding, body) => {
    expect(await inflateBody(encoding, body.subarray(0, -5), LIMIT)).toEqual({ code: 'invalid_encoding' });
  });

  it('that would become a gigabyte takes no more memory than the limit', async () => {
    // Zeros compress a thousandfold, and that again.
    const bomb = gzipSync(Buffer.alloc(256 * 1024 * 1024), { level: 1 });
    const beforeBytes = process.memoryUsage().arrayBuffers;
    expect(await inflateBody('gzip', bomb, LIMIT)).toEqual({ code: 'too_large' });
    expect(process.memoryUsage().arrayBuffers - beforeBytes).toBeLessThan(16 * 1024 * 1024);
  });

  it.each(['zstd', 'compress', 'gzip, br', 'identity, gzip', '__proto__', 'constructor'])(
    'in an encoding that is not known is refused: %s',
    async (encoding) => {
      expect(await inflateBody(encoding, gzipSync(TEXT), LIMIT)).toEqual({ code: 'invalid_encoding' });
    },
  );

  it('of any bytes never throws', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 200 }),
        fc.constantFrom('gzip', 'deflate', 'br'),
        async (bytes, encoding) => {
          const result = await inflateBody(encoding, Buffer.from(bytes), LIMIT);
          expect('body' in result || result.code === 'invalid_encoding').toBe(true);
        },
      ),
      { numRuns: 300 },
    );
  });
});

it.each([
  [undefined, true],
  ['', true],
  ['Identity', true],
  ['gzip', false],
])('an encoding %j needs no decoding: %s', (encoding, plain) => {
  expect(isPlain(encoding)).toBe(plain);
});
