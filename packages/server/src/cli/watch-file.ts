import { watch } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';

/** Editors write in several steps, and some through another file's name. */
const QUIET_MS = 100;

/**
 * Calls back when what stands in a file has changed and was left alone for 100 ms. Its folder is watched, since editors
 * put a new file in the place of the old one; files that it imports are not. Holds no process open.
 */
export async function watchFile(file: string, onChange: () => void): Promise<{ close(): void }> {
  let known = await contentOf(file);
  let timer: NodeJS.Timeout | undefined;
  const look = async (): Promise<void> => {
    const content = await contentOf(file);
    // Gone for an instant, or touched only.
    if (content === undefined || content === known) return;
    known = content;
    onChange();
  };
  const watcher = watch(dirname(file), { persistent: false }, (_, name) => {
    if (name !== null && name !== basename(file)) return;
    clearTimeout(timer);
    timer = setTimeout(() => void look(), QUIET_MS);
    timer.unref();
  });
  // A folder that is removed; the config stays as it is.
  watcher.on('error', () => watcher.close());
  return {
    close() {
      clearTimeout(timer);
      watcher.close();
    },
  };
}

async function contentOf(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').catch(() => undefined);
}
