import { parseFields } from './feed-item.ts';
import { formatBytes } from './format.ts';
import type { FeedEvent } from './wire.ts';

export interface DetailRow {
  name: string;
  value: string;
  note?: string;
}

export interface DetailGroup {
  title: string;
  rows: DetailRow[];
}

/** Who, what and when: the fields of the event in the order one asks for them. */
export function detailGroups(event: FeedEvent, sourceName: string | undefined): DetailGroup[] {
  const fields = parseFields(event.json);
  const refused = event.kind === 'refused' ? event : undefined;
  const pick = (names: readonly string[]): DetailRow[] =>
    names.flatMap((name) => {
      const value = fields[name];
      if (typeof value === 'string') return [{ name, value }];
      return typeof value === 'number' || typeof value === 'boolean' ? [{ name, value: String(value) }] : [];
    });

  const known = event.json === undefined && refused ? refused : undefined;
  const groups: DetailGroup[] = [
    { title: 'Who', rows: pick(WHO_FIELDS) },
    {
      title: 'What',
      rows: [
        ...pick(WHAT_FIELDS),
        ...row('type', known?.type),
        ...row('event', known?.eventName),
        ...row('messageId', known?.messageId),
        ...row('source', sourceName ?? event.sourceId),
        ...row('sdk', refused?.sdk),
        ...row('size', refused ? formatBytes(refused.sizeBytes) : undefined),
      ],
    },
    { title: 'When', rows: whenRows(fields, event) },
  ];
  return groups.filter(({ rows }) => rows.length > 0);
}

function row(name: string, value: string | undefined): DetailRow[] {
  return value === undefined ? [] : [{ name, value }];
}

const WHO_FIELDS = ['userId', 'anonymousId', 'previousId', 'groupId'];
const WHAT_FIELDS = ['type', 'event', 'name', 'category', 'messageId'];
const WHEN_FIELDS = ['timestamp', 'originalTimestamp', 'sentAt'];
const SHOWN = new Set([...WHO_FIELDS, ...WHAT_FIELDS, ...WHEN_FIELDS, 'receivedAt']);

function whenRows(fields: Readonly<Record<string, unknown>>, event: FeedEvent): DetailRow[] {
  const stamps = WHEN_FIELDS.flatMap((name): DetailRow[] => {
    const value = fields[name];
    if (typeof value !== 'string') return [];
    const skewed = name === 'timestamp' && event.kind === 'received' && event.timestampSkewed;
    return [{ name, value, ...(skewed ? { note: SKEW_NOTE } : {}) }];
  });
  return [...stamps, { name: 'receivedAt', value: new Date(event.receivedAtMs).toISOString() }];
}

const SKEW_NOTE = 'as sent: the sender’s clock is off by more than a day';

/** Objects of the event, each shown as a tree; then what it has beside the documented fields. */
export function detailTrees(event: FeedEvent): { name: string; value: object }[] {
  const fields = parseFields(event.json);
  const names = [...new Set([...TREE_FIELDS, ...Object.keys(fields)])];
  const trees = names.flatMap((name) => {
    const value = fields[name];
    return isFilled(value) ? [{ name, value }] : [];
  });
  const rest = Object.entries(fields).filter(
    ([name, value]) => !SHOWN.has(name) && value !== null && typeof value !== 'object',
  );
  return rest.length === 0 ? trees : [...trees, { name: 'Other fields', value: Object.fromEntries(rest) }];
}

function isFilled(value: unknown): value is object {
  return typeof value === 'object' && value !== null && Object.keys(value).length > 0;
}

const TREE_FIELDS = ['properties', 'traits', 'context', 'integrations'];
