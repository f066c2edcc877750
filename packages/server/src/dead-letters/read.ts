import type { DeadChange, DeadLetterLine, DeadPlace } from '../ledger/dead-letters.ts';
import type { LedgerReader } from '../ledger/ledger.ts';
import { deadId, tokenOf, type DeadListQuery } from './query.ts';
import type { DeadChangeReply, DeadLetterLineReply, DeadLetterReply, DeadListReply } from './replies.ts';

export function listDead(
  ledger: Pick<LedgerReader, 'deadLetters'>,
  { filter, page }: DeadListQuery,
): DeadListReply {
  const { letters, next } = ledger.deadLetters(filter, page);
  return { letters: letters.map(lineReply), ...(next && { next: tokenOf(next) }) };
}

/** Undefined where there is none. */
export function showDead(
  ledger: Pick<LedgerReader, 'deadLetter'>,
  place: DeadPlace,
): DeadLetterReply | undefined {
  const letter = ledger.deadLetter(place);
  if (!letter) return undefined;
  const { event, exchange, ...line } = letter;
  return { ...lineReply(line), json: event.toString('utf8'), ...(exchange && { exchange }) };
}

export function changeReply({ count, next }: DeadChange): DeadChangeReply {
  return { count, ...(next && { next: tokenOf(next) }) };
}

function lineReply(line: DeadLetterLine): DeadLetterLineReply {
  return { id: deadId(line), ...line };
}
