import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeLogContract } from '../contract.ts';
import { openSegmentReader } from './reader.ts';
import { openSegmentLog } from './segment-log.ts';

for (const maxSegmentBytes of [256 * 1024 * 1024, 1]) {
  describeLogContract({
    name: `segments of ${maxSegmentBytes} bytes`,
    partitionCount: 1,
    isPersistent: true,
    sealsEachCommit: maxSegmentBytes === 1,
    async create() {
      const parent = await mkdtemp(join(tmpdir(), 'millrace-log-'));
      const dir = join(parent, 'data', 'log');
      const open = () => openSegmentLog({ dir, maxSegmentBytes });
      const log = await open();
      return {
        log,
        idle: () => log.dedupeIdle(),
        openReader: () => openSegmentReader({ dir }),
        reopen: open,
        destroy: () => rm(parent, { recursive: true }),
      };
    },
  });
}
