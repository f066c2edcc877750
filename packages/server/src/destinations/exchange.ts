import type { Exchange } from './destination.ts';

/** So much of an answer's body is kept. */
const BODY_MAX_LENGTH = 1_024;
const URL_MAX_LENGTH = 512;
const HEADER_MAX_COUNT = 16;
const HEADER_MAX_LENGTH = 64;
/** Shorter ones stand in any text by chance. */
const SECRET_MIN_LENGTH = 6;
/** Of one path segment: a hook's address often is its secret. */
const TOKEN_MIN_LENGTH = 16;
const MASK = '***';

export interface SentRequest {
  method: string;
  url: string;
  /** As sent, names in lower case. */
  headers: Readonly<Record<string, string>>;
  /** Names of the headers whose values may be shown; all others may be secret. */
  shownHeaders: readonly string[];
  bodyBytes: number;
}

export interface ReceivedAnswer {
  status: number;
  contentType: string | undefined;
  /** The beginning of it, longer than what is kept, so that no secret is cut into one that is not recognised. */
  body: string;
}

/**
 * A request and its answer for people to read, without what gives access: header values of the config, credentials,
 * query values and long path segments of the address, and any of these where the answer repeats them.
 */
export function exchangeOf(
  { method, url, headers, shownHeaders, bodyBytes }: SentRequest,
  answer?: ReceivedAnswer,
): Exchange {
  const isShown = (name: string): boolean => shownHeaders.includes(name);
  const hidden = Object.entries(headers).flatMap(([name, value]) => (isShown(name) ? [] : [value]));
  const secrets = secretsOf([...hidden, ...secretPartsOf(url)]);
  return {
    request: {
      method,
      url: maskedUrl(url),
      headers: Object.fromEntries(
        Object.entries(headers)
          .slice(0, HEADER_MAX_COUNT)
          .map(([name, value]) => [
            name.slice(0, HEADER_MAX_LENGTH),
            isShown(name) ? value.slice(0, HEADER_MAX_LENGTH) : MASK,
          ]),
      ),
      bodyBytes,
    },
    ...(answer && { answer: answerOf(answer, secrets) }),
  };
}

function answerOf(
  { status, contentType, body }: ReceivedAnswer,
  secrets: readonly string[],
): NonNullable<Exchange['answer']> {
  const masked = secrets.reduce((text, secret) => text.replaceAll(secret, MASK), body);
  return {
    status,
    ...(contentType !== undefined && { contentType: contentType.slice(0, HEADER_MAX_LENGTH) }),
    body: masked.slice(0, BODY_MAX_LENGTH),
    isCut: masked.length > BODY_MAX_LENGTH,
  };
}

/** The longest first, since one may be part of another. Of `Bearer x`, `x` is one too. */
function secretsOf(values: readonly string[]): string[] {
  const all = new Set(values.flatMap((value) => [value, ...value.split(/\s+/)]));
  return [...all].filter(({ length }) => length >= SECRET_MIN_LENGTH).toSorted((a, b) => b.length - a.length);
}

function secretPartsOf(url: string): string[] {
  const { username, password, searchParams, pathname } = new URL(url);
  return [username, password, ...searchParams.values(), ...pathname.split('/').filter(isToken)].flatMap(
    (part) => [part, decoded(part)],
  );
}

function maskedUrl(url: string): string {
  const { protocol, host, username, password, pathname, searchParams } = new URL(url);
  const access = username || password ? `${MASK}@` : '';
  const path = pathname
    .split('/')
    .map((segment) => (isToken(segment) ? MASK : segment))
    .join('/');
  const query = [...searchParams.keys()].map((name) => `${encodeURIComponent(name)}=${MASK}`).join('&');
  return `${protocol}//${access}${host}${path}${query && `?${query}`}`.slice(0, URL_MAX_LENGTH);
}

function isToken(segment: string): boolean {
  return segment.length >= TOKEN_MIN_LENGTH;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
