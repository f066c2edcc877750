import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder on an ordinary disk, on one with room for 2 MB, or on one that cannot be written. */
export type SpoolDisk = 'disk' | 'small disk' | 'read-only disk';

/** Why such a disk cannot be had here, or undefined. */
export function reasonAgainst(disk: SpoolDisk | undefined): string | undefined {
  if (disk !== 'small disk' && disk !== 'read-only disk') return undefined;
  try {
    makeSpoolFolder(disk).remove();
    return undefined;
  } catch (error) {
    return `a ${disk} is a tmpfs, and this system mounts none: ${(error as Error).message.trim()}`;
  }
}

export function makeSpoolFolder(disk: SpoolDisk): { dir: string; remove: () => void } {
  const dir = mkdtempSync(join(tmpdir(), 'faults-'));
  const mount = (options: string): void => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', dir], { stdio: 'pipe' });
  };
  try {
    if (disk === 'small disk') mount('size=2m');
    // Root writes where the mode forbids it.
    if (disk === 'read-only disk') mount('ro');
  } catch (error) {
    rmSync(dir, { recursive: true });
    throw error;
  }
  return {
    dir,
    remove: () => {
      if (disk !== 'disk') execFileSync('umount', ['-l', dir], { stdio: 'pipe' });
      rmSync(dir, { recursive: true });
    },
  };
}
