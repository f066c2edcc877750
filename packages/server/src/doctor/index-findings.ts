import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { LogExamination } from '../log/index.ts';
import { faultOfIndexFile, placeOfIndexName } from '../search/index.ts';
import type { Finding } from './finding.ts';
import { REBUILD_ADVICE, isFolder } from './run-findings.ts';

export interface IndexCheck {
  findings: Finding[];
  /** Names of what the router builds again once they are removed. */
  damaged: string[];
}

/** Every file of the search index: whether it is whole, and of a range that the log has. */
export async function checkIndex(indexDir: string, log: LogExamination): Promise<IndexCheck> {
  const names = (await isFolder(indexDir)) ? (await readdir(indexDir)).toSorted() : [];
  const findings = names.flatMap((name) =>
    existsSync(join(indexDir, name)) ? [checkFile(indexDir, name, log)] : [],
  );
  const damaged = findings.filter(({ state }) => state === 'derived-damaged');
  return { findings, damaged: damaged.map(({ file }) => file.slice('index/'.length)) };
}

function checkFile(indexDir: string, name: string, log: LogExamination): Finding {
  const file = `index/${name}`;
  const place = placeOfIndexName(name);
  if (!place) {
    return { state: 'ok', file, message: 'not a finished index; the router removes what it does not know' };
  }
  const segment =
    place.partition === 0 ? log.sealed.find(({ basePosition }) => basePosition === place.from) : undefined;
  if (!segment) {
    return {
      state: 'ok',
      file,
      message: 'the log has no such range any more: it is not used, and the router removes it',
    };
  }
  const { basePosition, endPosition, createdAtMs } = segment;
  const range = { partition: 0, from: basePosition, to: endPosition, createdAtMs };
  const fault = faultOfIndexFile(join(indexDir, name), range);
  if (fault === undefined)
    return { state: 'ok', file, message: `positions ${basePosition} to ${endPosition}` };
  return { state: 'derived-damaged', file, message: fault, advice: REBUILD_ADVICE };
}
