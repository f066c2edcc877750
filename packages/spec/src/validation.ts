import { isEventType, isJsonObject, type EventType } from './event.ts';
import type { RefusalCode } from './codes.ts';
import { MESSAGE_ID_MAX_CHARS } from './limits.ts';

/**
 * One table for both ends of the wire. Each row names a field and says what a call of the library
 * may hold (`call`, else it throws `message`) and what an event on the wire may hold (`wire`, else
 * it is refused with `code`). Either side may be silent. The order of the rows is the order in
 * which faults are reported: for the library it is that of `analytics-node` 6.2.
 */
interface Rule {
  field: string;
  /** The types that the rule is for; all when absent. */
  types?: readonly EventType[];
  call?: Check;
  message?: string;
  wire?: Check;
  code?: RefusalCode;
}

type Fields = Readonly<Record<string, unknown>>;
type Check = (value: unknown, event: Fields) => boolean;

/** The names that `component-type` gives to values, by which `analytics-node` 6.2 judges them. */
type Kind = 'string' | 'number' | 'object' | 'date';

const TAGGED_KINDS: Readonly<Record<string, string>> = {
  '[object Date]': 'date',
  '[object RegExp]': 'regexp',
  '[object Arguments]': 'arguments',
  '[object Array]': 'array',
  '[object Error]': 'error',
};

/**
 * What `analytics-node` takes a value for. A wrapper counts as what it wraps (`new String('a')`, or
 * a moment, is its `valueOf`); an array, a Buffer or a DOM element is no object, a Map is one.
 */
function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value !== 'object') return typeof value;
  const tagged = TAGGED_KINDS[Object.prototype.toString.call(value)];
  if (tagged !== undefined) return tagged;
  if ('nodeType' in value && value.nodeType === 1) return 'element';
  if (isBuffer(value)) return 'buffer';
  return value.valueOf ? typeof value.valueOf() : 'object';
}

function isBuffer(value: object): boolean {
  if ('_isBuffer' in value && value._isBuffer) return true;
  const maker: unknown = value.constructor;
  if (typeof maker !== 'function' || !('isBuffer' in maker)) return false;
  return typeof maker.isBuffer === 'function' && Boolean(maker.isBuffer(value));
}

const isA =
  (...kinds: readonly Kind[]): Check =>
  (value) =>
    (kinds as readonly string[]).includes(kindOf(value));
const isString: Check = (value) => typeof value === 'string';
const isPresent: Check = (value) => Boolean(value);
/** As `analytics-node` does: a falsy value counts as absent whatever its type. */
const orFalsy =
  (check: Check): Check =>
  (value, event) =>
    !value || check(value, event);
/** On the wire, null and absent mean the same: SDKs send either. */
const orAbsent =
  (check: Check): Check =>
  (value, event) =>
    value === undefined || value === null || check(value, event);
const isTimestamp: Check = (value) => typeof value === 'string' && !Number.isNaN(Date.parse(value));
const isMessageId: Check = (value) =>
  typeof value === 'string' && value.length > 0 && value.length <= MESSAGE_ID_MAX_CHARS;
const hasIdentity: Check = (_, event) => Boolean(event['userId'] || event['anonymousId']);

const RULES: readonly Rule[] = [
  { field: 'type', wire: (value) => value !== undefined && value !== null, code: 'missing_type' },
  { field: 'type', wire: isEventType, code: 'invalid_type' },
  { field: 'messageId', wire: orAbsent(isMessageId), code: 'invalid_message_id' },
  {
    field: 'anonymousId',
    call: orFalsy(isA('string', 'number')),
    message: '"anonymousId" must be a string or number.',
    wire: orAbsent(isString),
    code: 'id_not_string',
  },
  { field: 'category', call: orFalsy(isA('string')), message: '"category" must be a string.' },
  { field: 'context', call: orFalsy(isA('object')), message: '"context" must be an object.' },
  { field: 'event', call: orFalsy(isA('string')), message: '"event" must be a string.' },
  {
    field: 'groupId',
    call: orFalsy(isA('string', 'number')),
    message: '"groupId" must be a string or number.',
  },
  { field: 'integrations', call: orFalsy(isA('object')), message: '"integrations" must be an object.' },
  {
    field: 'name',
    call: orFalsy(isA('string')),
    message: '"name" must be a string.',
    wire: orAbsent(isString),
    code: 'name_not_string',
  },
  {
    field: 'previousId',
    call: orFalsy(isA('string', 'number')),
    message: '"previousId" must be a string or number.',
  },
  {
    field: 'timestamp',
    call: orFalsy(isA('date')),
    message: '"timestamp" must be a date.',
    wire: orAbsent(isTimestamp),
    code: 'invalid_timestamp',
  },
  { field: 'sentAt', wire: orAbsent(isTimestamp), code: 'invalid_timestamp' },
  {
    field: 'userId',
    call: orFalsy(isA('string', 'number')),
    message: '"userId" must be a string or number.',
    wire: orAbsent(isString),
    code: 'id_not_string',
  },
  { field: 'type', call: orFalsy(isA('string')), message: '"type" must be a string.' },
  {
    field: 'userId',
    types: ['track', 'identify', 'page', 'screen', 'group'],
    call: hasIdentity,
    message: 'You must pass either an "anonymousId" or a "userId".',
  },
  { field: 'userId', types: ['alias'], call: isPresent, message: 'You must pass a "userId".' },
  { field: 'userId', wire: hasIdentity, code: 'no_user_anon_id' },
  {
    field: 'event',
    types: ['track'],
    call: isPresent,
    message: 'You must pass an "event".',
    wire: (value) => value !== undefined && value !== null && value !== '',
    code: 'event_not_defined',
  },
  { field: 'event', types: ['track'], wire: isString, code: 'event_not_string' },
  { field: 'groupId', types: ['group'], call: isPresent, message: 'You must pass a "groupId".' },
  { field: 'previousId', types: ['alias'], call: isPresent, message: 'You must pass a "previousId".' },
  { field: 'properties', wire: orAbsent(isJsonObject), code: 'properties_not_object' },
  { field: 'traits', wire: orAbsent(isJsonObject), code: 'traits_not_object' },
];

interface CallRule {
  field: string;
  check: Check;
  message: string;
}

const CALL_RULES = Object.fromEntries(
  (['track', 'identify', 'page', 'screen', 'group', 'alias'] as const).map((type) => [
    type,
    RULES.flatMap((rule): CallRule[] =>
      rule.call && rule.message && (!rule.types || rule.types.includes(type))
        ? [{ field: rule.field, check: rule.call, message: rule.message }]
        : [],
    ),
  ]),
) as unknown as Record<EventType, readonly CallRule[]>;

/** The words of `analytics-node` 6.2 for a message that is no object, reported before all else. */
export const NOT_AN_OBJECT = 'You must pass a message object.';
/** Its words for a message of `EVENT_MAX_BYTES` or more, reported right after that. */
export const MESSAGE_TOO_LARGE = 'Your message must be < 32kb.';

/**
 * What is wrong with the message of a library call, in the words of `analytics-node` 6.2, or
 * undefined. Its size is checked by the caller, where the bytes are made.
 */
export function faultOfCall(type: EventType, message: unknown): string | undefined {
  if (kindOf(message) !== 'object') return NOT_AN_OBJECT;
  const fields = message as Fields;
  for (const rule of CALL_RULES[type]) {
    if (!rule.check(fields[rule.field], fields)) return rule.message;
  }
  return undefined;
}

const WIRE_RULES = RULES.filter((rule) => rule.wire);

/** Why an event that came over the wire is refused, or undefined when it is valid. */
export function faultOfEvent(event: unknown): RefusalCode | undefined {
  if (!isJsonObject(event)) return 'invalid_event';
  for (const rule of WIRE_RULES) {
    if (rule.types && !rule.types.some((type) => type === event['type'])) continue;
    if (!rule.wire!(event[rule.field], event)) return rule.code;
  }
  return undefined;
}
