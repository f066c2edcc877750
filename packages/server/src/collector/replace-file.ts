import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncFolder } from '../sync-path.ts';

/**
 * Replaces a file's content so that power loss at any moment leaves the old or the new one, whole.
 * Readable by its owner alone.
 */
export async function replaceFile(file: string, content: string): Promise<void> {
  const temporary = `${file}.tmp`;
  const handle = await open(temporary, 'w', 0o600);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, file);
  // The rename itself lives in the directory.
  await syncFolder(dirname(file));
}
