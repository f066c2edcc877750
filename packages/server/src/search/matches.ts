import type { LogRecord } from '../log/log.ts';
import { fieldsOf } from './keys.ts';
import type { SearchQuery } from './search.ts';

/** Whether an event is a hit: what decides in the end, whatever an index says. */
export function matcherOf(query: SearchQuery): (record: LogRecord) => boolean {
  const { fromMs = -Infinity, toMs = Infinity, text, sourceId, ...others } = query;
  const fields = Object.entries(others).filter(([, value]) => value !== undefined);
  // Some look for a word, some for a piece of JSON.
  const needles = text === undefined ? [] : [text, JSON.stringify(text).slice(1, -1)];
  return (record) => {
    if (record.receivedAtMs < fromMs || record.receivedAtMs >= toMs) return false;
    if (sourceId !== undefined && record.sourceId !== sourceId) return false;
    if (needles.length > 0 && !hasText(record, needles)) return false;
    if (fields.length === 0) return true;
    const found = fieldsOf(record);
    return fields.every(([field, value]) => found[field as keyof typeof found] === value);
  };
}

function hasText({ json }: LogRecord, needles: string[]): boolean {
  if (needles.some((needle) => json.includes(needle))) return true;
  // Senders may escape what need not be.
  if (!json.includes('\\')) return false;
  const plain = JSON.stringify(JSON.parse(json.toString('utf8')));
  return needles.some((needle) => plain.includes(needle));
}
