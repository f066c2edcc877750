import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PATHS = ['packages/spec', 'packages/node', 'packages/server'];

/** Three times what it takes on two busy cores. */
const TIMEOUT_MS = 240_000;

/**
 * Runs the unit tests of what is published, and of what is bundled into it, on a given Node.
 * @param {string} node Path of the binary.
 * @param {string} folder For the report.
 * @returns {Promise<{ counts: string, failure: string | undefined }>} The failure is all that vitest said.
 */
export async function runUnitTests(node, folder) {
  const report = join(folder, 'unit.json');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const args = ['node_modules/vitest/vitest.mjs', 'run', '--project', 'unit', ...reporters, ...PATHS];
  // Tests that look for `node` in the PATH shall find this one.
  const env = { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env['PATH']}` };
  const failure = await run(node, args, { cwd: ROOT, env, timeout: TIMEOUT_MS, maxBuffer: 1 << 26 }).then(
    () => undefined,
    (error) => (error.killed ? `stopped after ${TIMEOUT_MS} ms\n` : '') + error.stdout + error.stderr,
  );
  return { counts: await countsOf(report), failure };
}

async function countsOf(report) {
  try {
    const { numPassedTests, numFailedTests, numPendingTests, numTodoTests } = JSON.parse(
      await readFile(report, 'utf8'),
    );
    return `${numPassedTests} passed, ${numFailedTests} failed, ${numPendingTests + numTodoTests} skipped`;
  } catch {
    return 'no report';
  }
}
