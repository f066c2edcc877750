import { open } from 'node:fs/promises';

/** What was written to a file by whatever means outlives power loss once this resolves. */
export async function syncFile(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The same for the names in a folder: made, renamed, removed. */
export async function syncFolder(path: string): Promise<void> {
  // Windows opens no folders, and needs no such sync.
  if (process.platform !== 'win32') await syncFile(path);
}
