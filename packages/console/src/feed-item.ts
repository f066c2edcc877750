import type { FeedEvent } from './wire.ts';

/** One row of the list: what it shows and what the filter searches, read from the event once. */
export interface FeedItem {
  /** Unique on this page, in the order of arrival. */
  key: number;
  event: FeedEvent;
  type: string;
  /** What tells this event from others of its type; may be empty. */
  title: string;
  /** userId, else anonymousId. */
  who: string;
  /** In lower case. */
  searchText: string;
}

type Fields = Readonly<Record<string, unknown>>;

export function toFeedItem(event: FeedEvent, key: number): FeedItem {
  const fields = parseFields(event.json);
  const refused = event.kind === 'refused' ? event : undefined;
  const type = text(fields['type']) || (refused?.type ?? '');
  const title = titleOf(type, fields) || (refused?.eventName ?? '');
  const userId = text(fields['userId']);
  const anonymousId = text(fields['anonymousId']);
  const messageId = text(fields['messageId']) || (refused?.messageId ?? '');
  const searched = [title, type, userId, anonymousId, messageId, event.sourceId ?? '', refused?.code ?? ''];
  return {
    key,
    event,
    type,
    title,
    who: userId || anonymousId,
    searchText: searched.join('\n').toLowerCase(),
  };
}

/** The event as an object; empty when there is none to show. */
export function parseFields(json: string | undefined): Fields {
  if (json === undefined) return {};
  try {
    return object(JSON.parse(json));
  } catch {
    return {};
  }
}

function titleOf(type: string, fields: Fields): string {
  switch (type) {
    case 'page':
    case 'screen': {
      const properties = object(fields['properties']);
      const name = [text(fields['category']), text(fields['name'])].filter(Boolean).join(' · ');
      return name || text(properties['path']) || text(properties['url']);
    }
    case 'identify':
      return Object.keys(object(fields['traits'])).join(', ');
    case 'group':
      return text(fields['groupId']);
    case 'alias':
      return `${text(fields['previousId'])} → ${text(fields['userId'])}`;
    default:
      return text(fields['event']);
  }
}

function object(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

function text(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}
