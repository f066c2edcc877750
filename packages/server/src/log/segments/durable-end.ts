import type { DurableEnds } from '../log.ts';
import { realDisk, type Disk } from './disk.ts';
import { FrameScanner } from './frame-scanner.ts';
import { findFrame } from './frame-search.ts';
import { SegmentChain } from './segment-chain.ts';
import { segmentPath } from './segment-files.ts';
import { SEGMENT_HEADER_BYTES } from './segment-header.ts';

/**
 * Where the log in the folder ends, for those who read it while no server does: behind the last sound frame.
 * Nothing is written. No folder is an empty log.
 * @throws {LogReadError} A segment has an unknown format version.
 */
export async function readDurableEnds(dir: string, disk: Disk = realDisk): Promise<DurableEnds> {
  const chain = new SegmentChain(disk, dir);
  try {
    await chain.refresh();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return { 0: 0 };
    throw error;
  }
  const last = chain.segments.at(-1);
  if (!last) return { 0: 0 };
  const file = await disk.open(segmentPath(dir, last.sequence), 'read');
  try {
    let scanner = new FrameScanner(file, { position: last.basePosition, offset: SEGMENT_HEADER_BYTES });
    for (;;) {
      const { offset, position } = scanner;
      const scanned = await scanner.next(Infinity, Infinity);
      if (scanned.kind === 'frame') continue;
      const next = scanned.kind === 'bad' && (await findFrame(file, offset + 1, Infinity, position));
      if (!next) return { 0: position };
      scanner = new FrameScanner(file, next);
    }
  } finally {
    await file.close();
  }
}
