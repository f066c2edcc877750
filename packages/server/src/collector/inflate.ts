import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate, inflateRaw } from 'node:zlib';

export type Inflated = { body: Buffer } | { code: 'invalid_encoding' | 'too_large' };

type Decompress = (body: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>;

const gunzipped: Decompress = promisify(gunzip);
const unbrotlied: Decompress = promisify(brotliDecompress);
const inflated: Decompress = promisify(inflate);
const inflatedRaw: Decompress = promisify(inflateRaw);

/** By their names in HTTP: RFC 9110, 8.4.1. `x-gzip` is an old name of gzip. */
const DECOMPRESS: Readonly<Record<string, Decompress>> = {
  gzip: gunzipped,
  'x-gzip': gunzipped,
  deflate: inflatedEitherWay,
  br: unbrotlied,
};

/** Whether a body came as it is. */
export function isPlain(contentEncoding: string | undefined): boolean {
  const encoding = contentEncoding?.trim().toLowerCase() ?? '';
  return encoding === '' || encoding === 'identity';
}

/**
 * Decodes a body in the thread pool. It ends where the output passes the limit: however much a small body would become, no
 * more memory than that is taken. Of several encodings one over the other none is known to be sent: they are refused.
 */
export async function inflateBody(
  contentEncoding: string,
  body: Buffer,
  maxOutputLength: number,
): Promise<Inflated> {
  const encoding = contentEncoding.trim().toLowerCase();
  const decompress = Object.hasOwn(DECOMPRESS, encoding) ? DECOMPRESS[encoding] : undefined;
  if (!decompress) return { code: 'invalid_encoding' };
  try {
    return { body: await decompress(body, { maxOutputLength }) };
  } catch (error) {
    const isTooLarge = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
    return { code: isTooLarge ? 'too_large' : 'invalid_encoding' };
  }
}

/** With the zlib header as the standard has it, or without, as some senders do: then its first byte is another one. */
function inflatedEitherWay(body: Buffer, options: { maxOutputLength: number }): Promise<Buffer> {
  const isZlib = ((body[0] ?? 0) & 0x0f) === 8 && body.length >= 2 && body.readUInt16BE(0) % 31 === 0;
  return isZlib ? inflated(body, options) : inflatedRaw(body, options);
}
