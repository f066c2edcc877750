import { open } from 'node:fs/promises';
import path from 'node:path';

/**
 * Has files synced to the disk on Node's threads, one round at a time: what is asked for during one shares the
 * next. The folder is synced as well when a file in it is new, or a power cut could leave a file without a name.
 */
export class Sync {
  #onTrouble: (error: unknown) => void;
  #asked = new Set<string>();
  #known = new Set<string>();
  #running = false;

  constructor(onTrouble: (error: unknown) => void) {
    this.#onTrouble = onTrouble;
  }

  request(files: readonly string[]): void {
    for (const file of files) this.#asked.add(file);
    if (!this.#running) void this.#run();
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#asked.size > 0) {
      const files = [...this.#asked];
      this.#asked.clear();
      const newFolders = new Set(
        files.filter((file) => !this.#known.has(file)).map((file) => path.dirname(file)),
      );
      this.#known = new Set(files);
      try {
        for (const file of files) await sync(file, 'r+');
        // Windows has no such thing.
        if (process.platform !== 'win32') for (const folder of newFolders) await sync(folder, 'r');
      } catch (error) {
        this.#onTrouble(error);
      }
    }
    this.#running = false;
  }
}

/** One that is gone was delivered meanwhile. */
async function sync(file: string, flags: 'r' | 'r+'): Promise<void> {
  const handle = await open(file, flags).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  if (!handle) return;
  try {
    await handle.datasync();
  } finally {
    await handle.close();
  }
}
