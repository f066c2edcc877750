import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { systemClock } from '../clock.ts';
import { ConfigError, findConfigFile, loadConfig } from '../config.ts';
import { examine, rebuild, type Finding } from '../doctor/index.ts';
import { LockHeldError } from '../lock.ts';
import { LogReadError } from '../log/index.ts';
import { SqliteUnavailableError } from '../sqlite/index.ts';
import { describeFinding } from './describe-finding.ts';

export interface DoctorFlags {
  data: string;
  config?: string;
  rebuild?: boolean;
  json?: boolean;
}

/** Something is damaged, or could not be looked at. */
const EXIT_UNSOUND = 1;
/** Nothing was looked at, or nothing rebuilt. */
const EXIT_FAILED = 2;
const DAY_MS = 86_400_000;

/** `millrace doctor`: says what it finds in a data folder, and with `--rebuild` makes again what is derived. */
export async function runDoctor(flags: DoctorFlags): Promise<void> {
  const dataDir = resolve(flags.data);
  try {
    if (!(await stat(dataDir).catch(() => undefined))?.isDirectory())
      throw new DoctorFailed(`--data ${dataDir}: there is no such folder`);
    const { dedupeWindowMs, findings: configFindings } = await windowOf(flags.config);
    const options = { dataDir, nowMs: systemClock.nowMs(), dedupeWindowMs };
    const rebuilt = flags.rebuild ? await rebuild(options) : undefined;
    const { findings: found } = rebuilt?.examination ?? (await examine(options));
    const findings = [...configFindings, ...found];
    if (findings.some(({ state }) => state !== 'ok')) process.exitCode = EXIT_UNSOUND;
    const { made = [], removed = [] } = rebuilt ?? {};
    if (flags.json) process.stdout.write(`${JSON.stringify({ findings, made, removed })}\n`);
    else process.stdout.write(report(findings, made, removed));
  } catch (error) {
    process.stderr.write(`millrace: ${reasonOf(error)}\n`);
    process.exitCode = EXIT_FAILED;
  }
}

function report(findings: readonly Finding[], made: readonly string[], removed: readonly string[]): string {
  const lines = [
    ...made.map((what) => `rebuilt          ${what}`),
    ...removed.map((what) => `removed          ${what}`),
    ...findings.map(describeFinding),
  ];
  return `${lines.join('\n')}\n`;
}

/** A config that cannot be evaluated here, for want of its environment perhaps, keeps nobody from looking. */
async function windowOf(
  config: string | undefined,
): Promise<{ dedupeWindowMs: number; findings: Finding[] }> {
  const file = config === undefined ? findConfigFile(process.cwd()) : resolve(config);
  try {
    const { log } = await loadConfig(file);
    return { dedupeWindowMs: log.dedupeWindowMs, findings: [] };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const message = `${error.message.replaceAll('\n', '; ')}; log.dedupeWindowMs is taken to be 24 hours`;
    return { dedupeWindowMs: DAY_MS, findings: [{ state: 'not-checked', file: 'config', message }] };
  }
}

class DoctorFailed extends Error {
  override readonly name = 'DoctorFailed';
}

function reasonOf(error: unknown): string {
  if (error instanceof LockHeldError) {
    return `${error.message}: stop the server first; nothing was changed`;
  }
  if (error instanceof LogReadError) return `${error.message}; what was rebuilt before it is whole`;
  if (error instanceof DoctorFailed || error instanceof SqliteUnavailableError) return error.message;
  const { code, path = '' } = error as NodeJS.ErrnoException;
  if (typeof code === 'string' && /^E[A-Z0-9]+$/.test(code)) return `${path}: ${code}`;
  throw error;
}
