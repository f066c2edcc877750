import { open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { answer } from '../answers.mjs';
import { createBodies } from './bodies.mjs';

/**
 * A process: the disk and nothing else. The bytes of one request from every connection, written and synced,
 * over and over. What a group commit costs when nobody decodes, checks or answers.
 */

/** As a segment of the log. */
const FILE_MAX_BYTES = 256 * 1024 * 1024;

answer({
  async append({ dir, eventCount, connections, durationMs }) {
    const bodies = createBodies(eventCount);
    const group = Array.from({ length: connections }, () => bodies.next());
    const groupBytes = group.reduce((sum, body) => sum + body.length, 0);
    const path = join(dir, 'appended');
    let file = await open(path, 'w');
    let offset = 0;
    let groupCount = 0;
    const startedMs = performance.now();
    while (performance.now() - startedMs < durationMs) {
      if (offset + groupBytes > FILE_MAX_BYTES) {
        await file.close();
        await unlink(path);
        file = await open(path, 'w');
        offset = 0;
      }
      await file.writev(group, offset);
      await file.datasync();
      offset += groupBytes;
      groupCount += 1;
    }
    const elapsedMs = performance.now() - startedMs;
    await file.close();
    await unlink(path);
    return { acceptedCount: groupCount * connections * eventCount, elapsedMs };
  },
});
