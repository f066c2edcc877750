import zlib from 'node:zlib';

export type Crc32 = (bytes: Uint8Array) => number;

/** Node's own where it has one, which is from 20.15 and 22.2 on. */
export const crc32: Crc32 =
  typeof (zlib as Partial<typeof zlib>).crc32 === 'function' ? (bytes) => zlib.crc32(bytes) : tableCrc32();

/** By a table of the 256 remainders: the CRC-32 of zlib and Ethernet (reflected polynomial 0xEDB88320). */
export function tableCrc32(): Crc32 {
  const remainders = Uint32Array.from({ length: 256 }, (_, byte) => {
    let remainder = byte;
    for (let bit = 0; bit < 8; bit += 1) {
      remainder = remainder & 1 ? (remainder >>> 1) ^ 0xedb88320 : remainder >>> 1;
    }
    return remainder;
  });
  return (bytes) => {
    let crc = 0xffffffff;
    for (const byte of bytes) crc = (crc >>> 8) ^ remainders[(crc ^ byte) & 0xff]!;
    return (crc ^ 0xffffffff) >>> 0;
  };
}
