import type { JsonObject } from '@millrace/spec';
import type { DeadLetter, PendingEvent } from './ledger.ts';
import type { SqliteRow, SqliteValue } from '../sqlite/sqlite.ts';

/** Events and letters as they stand in their rows. */

export function pendingValues(event: PendingEvent): SqliteValue[] {
  const { position, attemptCount, firstAttemptAtMs, notBeforeMs, code, resume } = event;
  return [
    position,
    attemptCount,
    firstAttemptAtMs === undefined ? null : Math.round(firstAttemptAtMs),
    Math.round(notBeforeMs),
    code ?? null,
    resume === undefined ? null : JSON.stringify(resume),
  ];
}

export function pendingOf(row: SqliteRow): PendingEvent {
  const { position, attempt_count, first_attempt_at_ms, not_before_ms, code, resume } = row;
  return {
    position: Number(position),
    attemptCount: Number(attempt_count),
    notBeforeMs: Number(not_before_ms),
    ...(typeof first_attempt_at_ms === 'number' && { firstAttemptAtMs: first_attempt_at_ms }),
    ...(typeof code === 'string' && { code }),
    ...(typeof resume === 'string' && { resume: JSON.parse(resume) as JsonObject }),
  };
}

export function deadValues({
  position,
  messageId,
  code,
  attemptCount,
  diedAtMs,
  event,
}: DeadLetter): SqliteValue[] {
  return [position, messageId, code, attemptCount, Math.round(diedAtMs), event];
}
