import { join } from 'node:path';
import { examineLedger } from '../ledger/index.ts';
import { examineLog, type LogExamination } from '../log/index.ts';
import { isLockHeld } from '../lock.ts';
import { sqliteFault } from '../sqlite/index.ts';
import { notChecked, type Finding } from './finding.ts';
import { checkIndex } from './index-findings.ts';
import { ledgerFindings } from './ledger-findings.ts';
import { logFindings } from './log-findings.ts';
import { checkRuns, isFolder } from './run-findings.ts';
import { refusedFindings } from './refused-findings.ts';
import { sourceFindings } from './source-findings.ts';

export interface ExamineOptions {
  dataDir: string;
  nowMs: number;
  /** For so long after an event a duplicate of it is found: older segments need no run. */
  dedupeWindowMs: number;
  /** The locks are the caller's own: no server is at work. */
  isOwner?: boolean;
}

export interface Examination {
  findings: Finding[];
  /** What can be made again. */
  derived: {
    /** Sealed segments without a sound run. */
    uncovered: LogExamination['sealed'];
    damagedRuns: string[];
    damagedIndexes: string[];
  };
}

/** Looks at all that is in the data folder and changes none of it, beside a running server too. */
export async function examine(options: ExamineOptions): Promise<Examination> {
  const { dataDir, nowMs, dedupeWindowMs, isOwner = false } = options;
  const locks = isOwner ? { findings: [], isLive: false } : lockFindings(dataDir);
  const { isLive } = locks;
  // The ledger first: what it knows of is then in the log, however the two grow meanwhile.
  const ledger = examineLedger(join(dataDir, 'ledger.db'));
  const logDir = join(dataDir, 'log');
  let log: LogExamination | undefined;
  const findings = [...locks.findings];
  try {
    log = (await isFolder(logDir)) ? await examineLog(logDir, { isLive }) : EMPTY_LOG;
    findings.push(...logFindings(log, isLive));
  } catch (error) {
    findings.push(notChecked('log/', error));
  }
  const derived: Examination['derived'] = { uncovered: [], damagedRuns: [], damagedIndexes: [] };
  if (log) {
    const oldestMs = nowMs - dedupeWindowMs;
    const runs = await checkRuns(join(dataDir, 'dedupe'), { log, isLive, oldestMs }).catch(
      (error: unknown) => ({
        findings: [notChecked('dedupe/', error)],
        uncovered: [],
        damaged: [],
      }),
    );
    const index = await checkIndex(join(dataDir, 'index'), log).catch((error: unknown) => ({
      findings: [notChecked('index/', error)],
      damaged: [],
    }));
    findings.push(...runs.findings, ...index.findings, ...ledgerFindings(ledger, log));
    derived.uncovered = runs.uncovered;
    derived.damagedRuns = runs.damaged;
    derived.damagedIndexes = index.damaged;
  }
  findings.push(...refusedFindings(dataDir), ...(await sourceFindings(dataDir)));
  return { findings, derived };
}

const EMPTY_LOG: LogExamination = {
  start: 0,
  end: 0,
  formerStarts: [],
  segments: [],
  lost: [],
  foreign: [],
  sealed: [],
};

function lockFindings(dataDir: string): { findings: Finding[]; isLive: boolean } {
  const findings: Finding[] = [];
  let isLive = false;
  for (const [file, who] of LOCKS) {
    try {
      const isHeld = isLockHeld(join(dataDir, file));
      isLive ||= isHeld;
      findings.push({ state: 'ok', file, message: isHeld ? `${who} is at work` : `no ${who} is at work` });
    } catch (error) {
      const fault = sqliteFault(error);
      if (fault === undefined) throw error;
      // Whether a server is at work is not known then: it is looked at as if one was.
      isLive = true;
      const advice = 'with no server at work it can be removed; it holds nothing';
      findings.push({ state: 'damaged', file, message: fault, advice });
    }
  }
  return { findings, isLive };
}

const LOCKS = [
  ['server.lock', 'server'],
  ['router.lock', 'router'],
] as const;
