import type { JsonObject } from '@millrace/spec';
import type { DeadLetter, DeadLetterLine } from './dead-letters.ts';
import type { DestinationProgress, PendingEvent } from './ledger.ts';
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

export function pendingOf(row: SqliteRow): DestinationProgress['pending'][number] {
  const { position, attempt_count, first_attempt_at_ms, not_before_ms, code, resume, event } = row;
  return {
    position: Number(position),
    attemptCount: Number(attempt_count),
    notBeforeMs: Number(not_before_ms),
    ...(typeof first_attempt_at_ms === 'number' && { firstAttemptAtMs: first_attempt_at_ms }),
    ...(typeof code === 'string' && { code }),
    ...(typeof resume === 'string' && { resume: JSON.parse(resume) as JsonObject }),
    ...(Buffer.isBuffer(event) && { event }),
  };
}

export function deadValues(letter: DeadLetter): SqliteValue[] {
  const { position, messageId, eventName, code, attemptCount, diedAtMs, event, exchange } = letter;
  return [
    position,
    messageId,
    eventName ?? null,
    code,
    attemptCount,
    Math.round(diedAtMs),
    event,
    exchange === undefined ? null : JSON.stringify(exchange),
  ];
}

export function deadLineOf(row: SqliteRow): DeadLetterLine {
  const { destination, partition, position, event_name, asked_at_ms } = row;
  return {
    destinationId: String(destination),
    partition: Number(partition),
    position: Number(position),
    messageId: String(row['message_id']),
    ...(typeof event_name === 'string' && { eventName: event_name }),
    code: String(row['code']),
    attemptCount: Number(row['attempt_count']),
    diedAtMs: Number(row['died_at_ms']),
    ...(typeof asked_at_ms === 'number' && { retryAskedAtMs: asked_at_ms }),
  };
}
