import type { JsonObject } from '@millrace/spec';

/** 43 bytes: one transparent pixel. */
export const GIF = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64');

/**
 * The event that a pixel's address carries: `data`, which is base64 of its JSON, or a field for each key, with dots for those
 * below (`properties.subject=…`). Undefined when `data` cannot be read. What stands in both, `data` says.
 * Source: https://segment.com/docs/connections/sources/catalog/libraries/server/pixel-tracking-api/
 */
export function eventOfQuery(query: URLSearchParams): JsonObject | undefined {
  const event: JsonObject = {};
  for (const [path, value] of query) if (path !== 'data') put(event, path.split('.'), value);
  const data = query.get('data');
  if (data === null) return event;
  try {
    const parsed: unknown = JSON.parse(Buffer.from(data, 'base64').toString('utf8'));
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return undefined;
    return { ...event, ...parsed };
  } catch {
    return undefined;
  }
}

function put(event: JsonObject, path: string[], value: string): void {
  const name = path.pop()!;
  let at: JsonObject = event;
  for (const step of path) {
    const below: unknown = own(at, step);
    const next: JsonObject = typeof below === 'object' && below !== null ? (below as JsonObject) : {};
    define(at, step, next);
    at = next;
  }
  define(at, name, value);
}

function own(object: JsonObject, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** Assignment would let `__proto__` in an address reach the prototype. */
function define(object: JsonObject, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true });
}
