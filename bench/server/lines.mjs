import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 50;
const CHUNK_BYTES = 4 * 1024 * 1024;
const LINE_FEED = 10;

/**
 * Counts what a `files` destination has delivered, reading only what is new.
 * @param {string} dir
 */
export function countLines(dir) {
  const offsets = new Map();
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  let lineCount = 0;

  const readOn = async () => {
    for (const name of await readdir(dir).catch(() => [])) {
      const file = await open(join(dir, name), 'r');
      for (;;) {
        const offset = offsets.get(name) ?? 0;
        const { bytesRead } = await file.read(chunk, 0, chunk.length, offset);
        if (bytesRead === 0) break;
        offsets.set(name, offset + bytesRead);
        lineCount += linesIn(chunk.subarray(0, bytesRead));
      }
      await file.close();
    }
  };

  return {
    /**
     * @param {number} expectedCount
     * @param {number} limitMs
     * @returns {Promise<number>} How many there are; fewer than expected where the limit came first.
     */
    async until(expectedCount, limitMs) {
      const untilMs = performance.now() + limitMs;
      for (;;) {
        await readOn();
        if (lineCount >= expectedCount || performance.now() > untilMs) return lineCount;
        await sleep(POLL_MS);
      }
    },
  };
}

/** @param {Buffer} bytes */
function linesIn(bytes) {
  let count = 0;
  for (let at = bytes.indexOf(LINE_FEED); at !== -1; at = bytes.indexOf(LINE_FEED, at + 1)) count += 1;
  return count;
}
