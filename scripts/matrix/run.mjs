/**
 * Unit tests, the packed library in programs of its own, and one event through the built server, on every
 * line of Node that we support. Needs the build. `npm run test:matrix`, or of some only: `npm run test:matrix -- 20 26`.
 */
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { libraryCheck } from './library-check.mjs';
import { nodeBinaries, unsupportedReason } from './node-binaries.mjs';
import { checkServer } from './server-check.mjs';
import { runUnitTests } from './unit-tests.mjs';

const MAJORS = ['20', '22', '24', '26'];
const CACHE = fileURLToPath(new URL('../../node_modules/.cache/millrace-node', import.meta.url));

const wanted = process.argv.slice(2);
const unknown = wanted.find((major) => !MAJORS.includes(major));
const reason = unsupportedReason();
if (unknown !== undefined) {
  process.stderr.write(`expected some of ${MAJORS.join(', ')}, got ${unknown}\n`);
  process.exitCode = 1;
} else if (reason) {
  process.stdout.write(`skipped: ${reason}\n`);
} else {
  const binaries = await nodeBinaries(MAJORS, CACHE);
  const packed = await mkdtemp(join(tmpdir(), 'millrace-packed-'));
  const checkLibrary = await libraryCheck(packed);
  for (const major of wanted.length > 0 ? wanted : MAJORS) await check(binaries.get(major), checkLibrary);
  await rm(packed, { recursive: true, force: true });
}

/** One at a time: a run keeps all cores busy by itself. */
async function check(node, checkLibrary) {
  const startedMs = Date.now();
  const folder = await mkdtemp(join(tmpdir(), 'millrace-matrix-'));
  const libraryFailure = await checkLibrary(node);
  const unit = await runUnitTests(node, folder);
  const serverFailure = await checkServer(node, folder);
  await rm(folder, { recursive: true, force: true });

  const version = execFileSync(node, ['--version'], { encoding: 'utf8' }).trim();
  const failures = [libraryFailure, unit.failure, serverFailure];
  const verdict = failures.every((failure) => failure === undefined) ? 'ok    ' : 'FAILED';
  const [library, , server] = failures.map((failure) => (failure === undefined ? 'ok' : 'failed'));
  const seconds = Math.round((Date.now() - startedMs) / 1000);
  process.stdout.write(
    `${verdict} node ${version}: library ${library}; unit tests ${unit.counts}; server ${server}; ${seconds} s\n`,
  );
  if (verdict === 'FAILED') process.exitCode = 1;
  if (unit.failure !== undefined) process.stdout.write(`${unit.failure}\n`);
  if (libraryFailure !== undefined) process.stdout.write(`library: ${libraryFailure}\n`);
  if (serverFailure !== undefined) process.stdout.write(`server: ${serverFailure}\n`);
}
