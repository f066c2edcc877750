import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { SourcesFileError, discoveredSources } from '../collector/index.ts';
import type { Finding } from './finding.ts';

/** The write keys that `dev` has seen; how many there are is all that is said of them. */
export async function sourceFindings(dataDir: string): Promise<Finding[]> {
  const file = 'sources.json';
  const path = join(dataDir, file);
  if (!existsSync(path)) return [];
  try {
    const sources = await discoveredSources({ file: path });
    return [{ state: 'ok', file, message: `${sources.list().length} sources` }];
  } catch (error) {
    if (!(error instanceof SourcesFileError)) throw error;
    const advice =
      'repair it, or move it away: the same write keys become the same sources again when they are seen';
    return [
      { state: 'damaged', file, message: 'it is not what was written there, or cannot be read', advice },
    ];
  }
}
