import { isJsonObject } from '@millrace/spec';
import { DEAD_PAGE_MAX_COUNT } from '../ledger/dead-letters.ts';
import type { DeadFilter, DeadListPlace, DeadPlace, DeadSelection } from '../ledger/dead-letters.ts';

/** What of the request cannot be used; the words are safe to show. */
export class DeadQueryError extends Error {
  override readonly name = 'DeadQueryError';
}

export interface DeadListQuery {
  filter: DeadFilter;
  page: { maxCount: number; after?: DeadListPlace };
}

const FILTER_KEYS = ['destination', 'code', 'name', 'from', 'to'] as const;
const LIST_DEFAULT_COUNT = 50;
/** The longest fit into the body that the console takes. */
export const IDS_MAX_COUNT = 500;

export function deadId({ destinationId, partition, position }: DeadPlace): string {
  return `${destinationId}:${partition}:${position}`;
}

/** @throws {DeadQueryError} */
export function placeOfId(id: unknown): DeadPlace {
  const match = typeof id === 'string' ? /^([a-z0-9-]{1,64}):(\d{1,15}):(\d{1,15})$/.exec(id) : null;
  if (!match) throw new DeadQueryError('an id must be <destination>:<partition>:<position>');
  const [, destinationId = '', partition, position] = match;
  return { destinationId, partition: Number(partition), position: Number(position) };
}

/** What a client passes on to go on behind a place. */
export function tokenOf(place: DeadListPlace): string {
  return `${place.diedAtMs}:${deadId(place)}`;
}

/**
 * @param given As in the address: `destination`, `code`, `name`, `from`, `to`, `limit`, `next`.
 * @throws {DeadQueryError}
 */
export function parseListQuery(given: Record<string, unknown>): DeadListQuery {
  refuseOthers(given, [...FILTER_KEYS, 'limit', 'next']);
  const maxCount = given['limit'] === undefined ? LIST_DEFAULT_COUNT : Number(given['limit']);
  if (!Number.isInteger(maxCount) || maxCount < 1 || maxCount > DEAD_PAGE_MAX_COUNT) {
    throw new DeadQueryError(`limit must be an integer from 1 to ${DEAD_PAGE_MAX_COUNT}`);
  }
  const after = placeOfToken(given['next']);
  return { filter: filterOf(given), page: { maxCount, ...(after && { after }) } };
}

/**
 * Which letters to change: `ids`, or a filter as for the list, or `all: true`. Nothing else may be there: a filter that is
 * spelt wrong must not mean all of them.
 * @throws {DeadQueryError}
 */
export function parseSelection(given: unknown): DeadSelection {
  if (!isJsonObject(given)) throw new DeadQueryError('expected a JSON object');
  const { ids, all } = given;
  if (ids !== undefined) {
    refuseOthers(given, ['ids']);
    if (!Array.isArray(ids) || ids.length === 0 || ids.length > IDS_MAX_COUNT) {
      throw new DeadQueryError(`ids must be a list of 1 to ${IDS_MAX_COUNT}`);
    }
    return { places: ids.map(placeOfId) };
  }
  refuseOthers(given, [...FILTER_KEYS, 'all', 'next']);
  const isFiltered = FILTER_KEYS.some((key) => given[key] !== undefined);
  if (all !== undefined && (all !== true || isFiltered)) {
    throw new DeadQueryError('all must be true, without a filter');
  }
  if (!isFiltered && all === undefined) {
    throw new DeadQueryError(`expected ids, or one of ${FILTER_KEYS.join(', ')}, or all`);
  }
  const after = placeOfToken(given['next']);
  return { filter: filterOf(given), ...(after && { after }) };
}

function refuseOthers(given: Record<string, unknown>, allowed: readonly string[]): void {
  const other = Object.keys(given).find((key) => !allowed.includes(key));
  if (other !== undefined) throw new DeadQueryError(`expected ${allowed.join(', ')}, got another key`);
}

function filterOf(given: Record<string, unknown>): DeadFilter {
  const destinationId = textOf(given, 'destination');
  const code = textOf(given, 'code');
  const eventName = textOf(given, 'name');
  const fromMs = timeOf(given, 'from');
  const toMs = timeOf(given, 'to');
  return {
    ...(destinationId !== undefined && { destinationId }),
    ...(code !== undefined && { code }),
    ...(eventName !== undefined && { eventName }),
    ...(fromMs !== undefined && { fromMs }),
    ...(toMs !== undefined && { toMs }),
  };
}

function textOf(given: Record<string, unknown>, key: (typeof FILTER_KEYS)[number]): string | undefined {
  const value = given[key];
  if (value === undefined || (typeof value === 'string' && value !== '')) return value;
  throw new DeadQueryError(`${key} must be a text that is not empty`);
}

/** A day, in UTC, or a moment that says of which zone it is. */
const ISO_DATE = /^\d{4}-\d\d-\d\d(T[\d:.]+(Z|[+-]\d\d:\d\d))?$/;

/** Milliseconds since the epoch. */
function timeOf(given: Record<string, unknown>, key: 'from' | 'to'): number | undefined {
  const value = given[key];
  if (value === undefined) return undefined;
  const timeMs = typeof value === 'string' ? timeOfText(value) : value;
  if (typeof timeMs === 'number' && Number.isSafeInteger(timeMs) && timeMs >= 0) return timeMs;
  throw new DeadQueryError(`${key} must be an ISO 8601 date with its zone, or milliseconds since 1970`);
}

function timeOfText(text: string): number {
  if (/^\d{1,16}$/.test(text)) return Number(text);
  return ISO_DATE.test(text) ? Date.parse(text) : Number.NaN;
}

function placeOfToken(token: unknown): DeadListPlace | undefined {
  if (token === undefined) return undefined;
  const match = typeof token === 'string' ? /^(\d{1,15}):(.+)$/.exec(token) : null;
  if (!match) throw new DeadQueryError('next must be what the last answer said');
  return { diedAtMs: Number(match[1]), ...placeOfId(match[2]) };
}
