import type { ExaminedDestination, LedgerExamination } from '../ledger/index.ts';
import type { LogExamination } from '../log/index.ts';
import type { Finding } from './finding.ts';

const FILE = 'ledger.db';
/** Positions are named up to this many. */
const MAX_NAMED_COUNT = 5;
const FROM_BACKUP =
  'restore ledger.db and log/ from one backup; or move ledger.db away, and every destination starts at what comes then';

/** @param log Read after the ledger: it holds all that the ledger knew of. */
export function ledgerFindings(ledger: LedgerExamination | undefined, log: LogExamination): Finding[] {
  if (!ledger) return [{ state: 'ok', file: FILE, message: 'there is none yet' }];
  const findings = ledger.faults.map((message): Finding => ({
    state: 'damaged',
    file: FILE,
    message,
    advice: FROM_BACKUP,
  }));
  if (ledger.refused !== undefined) {
    findings.push({
      state: 'not-checked',
      file: FILE,
      message: ledger.refused,
      advice: 'nothing is changed until then',
    });
  } else if (findings.length === 0) {
    findings.push({
      state: 'ok',
      file: FILE,
      message: `sound, with ${ledger.destinations.length} destinations`,
    });
  }
  return [
    ...findings,
    ...ledger.destinations.flatMap((destination) => destinationFindings(destination, log)),
  ];
}

function destinationFindings(destination: ExaminedDestination, log: LogExamination): Finding[] {
  const { destinationId, partition, cursor, pending, deadCount, unreadableDead } = destination;
  const place = `destination ${destinationId}`;
  const damaged = (message: string, advice: string): Finding => ({
    state: 'damaged',
    file: FILE,
    place,
    message,
    advice,
  });
  if (partition !== 0)
    return [damaged(`it has rows of partition ${partition}, which this log does not have`, FROM_BACKUP)];
  const findings: Finding[] = [];
  const { start, end = Infinity, lost } = log;
  if (cursor === undefined) findings.push(damaged('it has rows and no cursor', FROM_BACKUP));
  else if (cursor > end) {
    const message = `its cursor is at ${cursor}, and the log ends at ${end}: deliveries to it stop`;
    findings.push(damaged(message, FROM_BACKUP));
  }
  // What is pending before the start is decided as expired when the router starts.
  const needed = pending.filter(({ last }) => last >= start);
  const afterCursor = countIn(needed, cursor ?? Infinity, Infinity);
  if (afterCursor > 0) {
    findings.push(
      damaged(`${afterCursor} events are pending behind its cursor, where none can be`, FROM_BACKUP),
    );
  }
  const beyond = countIn(needed, end, Infinity);
  const inDamage = lost.reduce((sum, { from, to }) => sum + countIn(needed, Math.max(from, start), to), 0);
  if (beyond + inDamage > 0) {
    findings.push(damaged(`${beyond + inDamage} pending events are not in the log any more`, FROM_BACKUP));
  }
  if (unreadableDead.length > 0) {
    const named = unreadableDead.slice(0, MAX_NAMED_COUNT).join(', ');
    const more = unreadableDead.length > MAX_NAMED_COUNT ? ', …' : '';
    const message = `${unreadableDead.length} of ${deadCount} dead letters cannot be read back (positions ${named}${more})`;
    findings.push(damaged(message, 'what was in them is in the log as long as it is kept'));
  }
  if (findings.length > 0) return findings;
  const pendingCount = countIn(pending, 0, Infinity);
  const message = `cursor at ${cursor}, ${pendingCount} pending, ${deadCount} dead letters`;
  const given =
    cursor !== undefined && cursor < start ? `; the log starts at ${start}, what is before was given up` : '';
  return [{ state: 'ok', file: FILE, place, message: `${message}${given}` }];
}

/** How many of the numbers are from `from` on and before `to`. */
function countIn(ranges: ExaminedDestination['pending'], from: number, to: number): number {
  return ranges.reduce(
    (sum, { first, last }) => sum + Math.max(0, Math.min(last, to - 1) - Math.max(first, from) + 1),
    0,
  );
}
