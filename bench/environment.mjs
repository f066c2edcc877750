import { execFileSync } from 'node:child_process';
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';

/** What the numbers depend on and do not say themselves. */
export function environment() {
  return {
    date: new Date().toISOString(),
    node: process.version,
    platform: `${process.platform} ${process.arch} ${release()}`,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    coreCount: availableParallelism(),
    memoryGb: Math.round(totalmem() / 2 ** 30),
    /** Over the last minute, before the first trial: on a quiet machine well below one. */
    loadAtStart: loadavg()[0],
    commit: commit(),
  };
}

function commit() {
  try {
    const options = { cwd: import.meta.dirname, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] };
    const changed = execFileSync('git', ['status', '--porcelain'], options) !== '';
    return (
      execFileSync('git', ['rev-parse', '--short', 'HEAD'], options).trim() + (changed ? ' (changed)' : '')
    );
  } catch {
    return 'unknown';
  }
}
