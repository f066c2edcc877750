import type { ExaminedSegment, LogExamination } from '../log/index.ts';
import type { Finding } from './finding.ts';

const FROM_BACKUP =
  'restore log/ from a backup together with ledger.db, or see "Damage" in docs/operations.md';

export function logFindings(log: LogExamination, isLive: boolean): Finding[] {
  const findings = log.segments.flatMap((segment) => segmentFindings(segment, isLive));
  for (const name of log.foreign) {
    findings.push({ state: 'ok', file: `log/${name}`, message: 'not a file of Millrace; it is left alone' });
  }
  for (const start of log.formerStarts) {
    findings.push({
      state: 'ok',
      file: `log/${String(start).padStart(16, '0')}.start`,
      message: `left over from a trim that was interrupted; the log starts at ${log.start}, and the next trim removes it`,
    });
  }
  return [...findings, wholeLog(log)];
}

function wholeLog({ start, end, lost, segments }: LogExamination): Finding {
  const file = 'log/';
  if (end === undefined) {
    const message = 'where the log ends is not known: its newest segment cannot be read';
    return { state: 'damaged', file, message, advice: `the server does not start; ${FROM_BACKUP}` };
  }
  if (end < start) {
    const message = `the newest segments are missing: the log starts at ${start} and ends at ${end}`;
    return { state: 'damaged', file, message, advice: `the server does not start; ${FROM_BACKUP}` };
  }
  const lostCount = lost.reduce((sum, { from, to }) => sum + to - from, 0);
  const message = `${end - start} events, from position ${start} to ${end}, in ${segments.length} files`;
  if (lostCount === 0) return { state: 'ok', file, message };
  return {
    state: 'damaged',
    file,
    message: `${message}; ${lostCount} of them cannot be read`,
    advice: FROM_BACKUP,
  };
}

function segmentFindings(segment: ExaminedSegment, isLive: boolean): Finding[] {
  const file = `log/${segment.name}`;
  const damaged = (message: string, advice = FROM_BACKUP): Finding[] => [
    { state: 'damaged', file, message, advice },
  ];
  switch (segment.kind) {
    case 'read':
      return readFindings(segment, file, isLive);
    case 'void':
      return [{ state: 'ok', file, message: 'without events: its making failed, or has just begun' }];
    case 'left-over': {
      const message =
        'before the start of the log: left over from a trim that was interrupted; the next one removes it';
      return [{ state: 'ok', file, message }];
    }
    case 'unreachable':
      return damaged(
        'it has events that the log does not lead to: a segment behind it is missing or damaged',
      );
    case 'header-damaged':
      return damaged('its header is damaged');
    case 'unknown-version': {
      const message = `it has format version ${segment.version}, written by another version of Millrace`;
      const advice =
        'use the version of Millrace that wrote it, or a newer one; nothing is changed until then';
      return [{ state: 'not-checked', file, message, advice }];
    }
    case 'missing':
      return damaged('it is missing, and with it what comes before');
    default: {
      const { reason } = segment;
      const advice = 'look after the disk and the rights of the file, then ask again';
      return [{ state: 'not-checked', file, message: `it cannot be read: ${reason}`, advice }];
    }
  }
}

function readFindings(
  { from, to, isActive, faults, tail }: Extract<ExaminedSegment, { kind: 'read' }>,
  file: string,
  isLive: boolean,
): Finding[] {
  const what = `${isActive ? 'the active segment' : 'sealed'}, positions ${from} to ${to}`;
  if (faults.length > 0) {
    return faults.map(({ offsetBytes, reason, lost }) => {
      const loss = lost ? `; positions ${lost.from} to ${lost.to} are lost` : '';
      const advice = `deliveries stop there, new events are kept; ${FROM_BACKUP}`;
      return { state: 'damaged', file, place: `byte ${offsetBytes}`, message: `${reason}${loss}`, advice };
    });
  }
  if (!tail) return [{ state: 'ok', file, message: what }];
  const rest = isLive
    ? 'the commit that is being written'
    : 'of a commit that was never answered, which is normal after a crash; the next start cuts them off';
  const message = `${what}; behind them ${tail.bytes} bytes ${rest}`;
  return [{ state: 'ok', file, place: `byte ${tail.offsetBytes}`, message }];
}
