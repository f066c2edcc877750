import { isUtf8 } from 'node:buffer';
import type { EventType } from '@millrace/spec';
import { DEPTH_MAX } from './json.ts';
import type { Route } from './routes.ts';

/** Where one event is in the bytes of a body. */
export interface EventSlice {
  body: Buffer;
  /** Of its opening brace. */
  start: number;
  /** After its closing brace. */
  end: number;
  /** The value of its `timestamp`, if it has one. */
  timestamp: { start: number; end: number } | undefined;
}

export interface ScannedBody {
  /**
   * The body as deep as the collector looks: the fields that it judges by. An object or array in one of
   * them is an empty one, and all other fields are left out.
   */
  value: unknown;
  /** The events, index by index, none of which needs more than its stamps. */
  slices: EventSlice[];
}

/**
 * Reads a body without building all that it holds, which costs three times as much as looking at its
 * bytes. It takes only what is surely valid and can be kept as it came; undefined says nothing about the
 * body but that JSON.parse must look at it: an error, a line break, an escaped key, a field that comes
 * twice, one that the collector would change, bytes that are not UTF-8.
 */
export function scan(body: Buffer, route: Route): ScannedBody | undefined {
  if (!isUtf8(body)) return undefined;
  try {
    return new Scanner(body, route).scan();
  } catch (error) {
    if (error === IRREGULAR) return undefined;
    throw error;
  }
}

/** Thrown without a stack, which would cost more than all the rest. */
const IRREGULAR = { name: 'irregular' };

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;
const BRACE_OPEN = 0x7b;
const BRACE_CLOSE = 0x7d;
const BRACKET_OPEN = 0x5b;
const BRACKET_CLOSE = 0x5d;
const SPACE = 0x20;
const TAB = 0x09;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const MINUS = 0x2d;
const PLUS = 0x2b;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const LOWER_E = 0x65;
const UPPER_E = 0x45;
const LOWER_U = 0x75;

/** Bytes that may stand in a string as they are. */
const PLAIN = Uint8Array.from({ length: 256 }, (_, byte) =>
  Number(byte >= SPACE && byte !== QUOTE && byte !== BACKSLASH),
);
/** Bytes that may follow a backslash, but for `u`. */
const ESCAPED = byteSet('"\\/bfnrt');
const HEX = byteSet('0123456789abcdefABCDEF');
const WORDS = ['true', 'false', 'null'].map((word) => Buffer.from(word));

function byteSet(characters: string): Uint8Array {
  const set = new Uint8Array(256);
  for (const byte of Buffer.from(characters)) set[byte] = 1;
  return set;
}

interface Fields {
  type: unknown;
  messageId: unknown;
  userId: unknown;
  anonymousId: unknown;
  event: unknown;
  name: unknown;
  timestamp: unknown;
  sentAt: unknown;
  properties: unknown;
  traits: unknown;
}

interface BodyFields {
  batch: unknown;
  sentAt: unknown;
  writeKey: unknown;
}

interface Key<Name> {
  name: Name;
  bytes: Buffer;
}

/** What the collector would change or take out: then the bytes cannot stand as they are. */
const CHANGED = 'changed';
const EVENT_KEYS = keysByLength<keyof Fields | typeof CHANGED>(
  [
    'type',
    'messageId',
    'userId',
    'anonymousId',
    'event',
    'name',
    'timestamp',
    'sentAt',
    'properties',
    'traits',
  ],
  ['originalTimestamp', 'receivedAt', 'writeKey'],
);
const BODY_KEYS = keysByLength<keyof BodyFields | typeof CHANGED>(
  ['batch', 'sentAt', 'writeKey'],
  ['context', 'integrations'],
);

function keysByLength<Name>(
  kept: readonly (Name & string)[],
  changed: readonly string[],
): readonly (readonly Key<Name>[])[] {
  const keys = [
    ...kept.map((name) => ({ name, bytes: Buffer.from(name) })),
    ...changed.map((name) => ({ name: CHANGED as Name, bytes: Buffer.from(name) })),
  ];
  const longest = Math.max(...keys.map(({ bytes }) => bytes.length));
  return Array.from({ length: longest + 1 }, (_, length) =>
    keys.filter(({ bytes }) => bytes.length === length),
  );
}

const NO_OBJECT = Object.freeze({});
const NO_ARRAY = Object.freeze([]);

type OnMember = (keyStart: number, keyEnd: number) => void;

class Scanner {
  readonly #bytes: Buffer;
  readonly #route: Route;
  #at = 0;
  /** Whether the string gone through last has an escape in it. */
  #isEscaped = false;
  #isInEvent = false;
  readonly #slices: EventSlice[] = [];
  #event: Fields = newFields();
  #timestamp: EventSlice['timestamp'];
  readonly #body: BodyFields = { batch: undefined, sentAt: undefined, writeKey: undefined };

  constructor(bytes: Buffer, route: Route) {
    this.#bytes = bytes;
    this.#route = route;
  }

  scan(): ScannedBody {
    let value: unknown = this.#body;
    this.#skipSpace();
    if (this.#route === 'batch') this.#object(1, this.#onBodyMember);
    else value = this.#eventHere(this.#route);
    this.#skipSpace();
    if (this.#at !== this.#bytes.length) throw IRREGULAR;
    return { value, slices: this.#slices };
  }

  readonly #onBodyMember: OnMember = (keyStart, keyEnd) => {
    const key = this.#keyOf(BODY_KEYS, keyStart, keyEnd);
    if (key === CHANGED || (key && this.#body[key] !== undefined)) throw IRREGULAR;
    if (key === 'batch') {
      this.#body.batch = this.#events();
      return;
    }
    const start = this.#at;
    this.#skipValue(1);
    if (key) this.#body[key] = this.#valueFrom(start);
  };

  #events(): Fields[] {
    const events: Fields[] = [];
    if (this.#bytes[this.#at] !== BRACKET_OPEN) throw IRREGULAR;
    this.#at += 1;
    this.#skipSpace();
    if (this.#bytes[this.#at] === BRACKET_CLOSE) {
      this.#at += 1;
      return events;
    }
    for (;;) {
      events.push(this.#eventHere());
      this.#skipSpace();
      const byte = this.#bytes[this.#at];
      this.#at += 1;
      if (byte === BRACKET_CLOSE) return events;
      if (byte !== COMMA) throw IRREGULAR;
      this.#skipSpace();
    }
  }

  /** @param type What the path says that it is; the event may say the same or nothing. */
  #eventHere(type?: EventType): Fields {
    const start = this.#at;
    const event = newFields();
    this.#event = event;
    this.#timestamp = undefined;
    this.#isInEvent = true;
    this.#object(1, this.#onEventMember);
    this.#isInEvent = false;
    if (type && event.type !== undefined && event.type !== type) throw IRREGULAR;
    // Written anew where it is null.
    if (event.sentAt === null || event.messageId === null) throw IRREGULAR;
    this.#slices.push({ body: this.#bytes, start, end: this.#at, timestamp: this.#timestamp });
    return event;
  }

  readonly #onEventMember: OnMember = (keyStart, keyEnd) => {
    const key = this.#keyOf(EVENT_KEYS, keyStart, keyEnd);
    const start = this.#at;
    this.#skipValue(1);
    if (!key) return;
    if (key === CHANGED || this.#event[key] !== undefined) throw IRREGULAR;
    this.#event[key] = this.#valueFrom(start);
    if (key === 'timestamp') this.#timestamp = { start, end: this.#at };
  };

  #keyOf<Name>(keys: readonly (readonly Key<Name>[])[], start: number, end: number): Name | undefined {
    if (this.#isEscaped) throw IRREGULAR;
    const sameLength = keys[end - start];
    if (!sameLength) return undefined;
    for (const { name, bytes } of sameLength) if (this.#isAt(bytes, start)) return name;
    return undefined;
  }

  #isAt(expected: Buffer, at: number): boolean {
    for (let i = 0; i < expected.length; i += 1) if (this.#bytes[at + i] !== expected[i]) return false;
    return true;
  }

  /** The value that was just gone through. */
  #valueFrom(start: number): unknown {
    switch (this.#bytes[start]) {
      case BRACE_OPEN:
        return NO_OBJECT;
      case BRACKET_OPEN:
        return NO_ARRAY;
      case QUOTE:
        if (!this.#isEscaped) return this.#bytes.toString('utf8', start + 1, this.#at - 1);
    }
    return JSON.parse(this.#bytes.toString('utf8', start, this.#at));
  }

  /** Goes past the object that starts here; `onMember` goes past a value. */
  #object(depth: number, onMember?: OnMember): void {
    const bytes = this.#bytes;
    if (bytes[this.#at] !== BRACE_OPEN || depth > DEPTH_MAX) throw IRREGULAR;
    this.#at += 1;
    this.#skipSpace();
    if (bytes[this.#at] === BRACE_CLOSE) {
      this.#at += 1;
      return;
    }
    for (;;) {
      const keyStart = this.#at + 1;
      this.#skipString();
      const keyEnd = this.#at - 1;
      this.#skipSpace();
      if (bytes[this.#at] !== COLON) throw IRREGULAR;
      this.#at += 1;
      this.#skipSpace();
      if (onMember) onMember(keyStart, keyEnd);
      else this.#skipValue(depth);
      this.#skipSpace();
      const byte = bytes[this.#at];
      this.#at += 1;
      if (byte === BRACE_CLOSE) return;
      if (byte !== COMMA) throw IRREGULAR;
      this.#skipSpace();
    }
  }

  #skipArray(depth: number): void {
    if (depth > DEPTH_MAX) throw IRREGULAR;
    this.#at += 1;
    this.#skipSpace();
    if (this.#bytes[this.#at] === BRACKET_CLOSE) {
      this.#at += 1;
      return;
    }
    for (;;) {
      this.#skipValue(depth);
      this.#skipSpace();
      const byte = this.#bytes[this.#at];
      this.#at += 1;
      if (byte === BRACKET_CLOSE) return;
      if (byte !== COMMA) throw IRREGULAR;
      this.#skipSpace();
    }
  }

  /** @param depth Of what the value is in. */
  #skipValue(depth: number): void {
    const byte = this.#bytes[this.#at]!;
    if (byte === QUOTE) this.#skipString();
    else if (byte === BRACE_OPEN) this.#object(depth + 1);
    else if (byte === BRACKET_OPEN) this.#skipArray(depth + 1);
    else if (byte === MINUS || isDigit(byte)) this.#skipNumber();
    else this.#skipWord();
  }

  #skipString(): void {
    const bytes = this.#bytes;
    if (bytes[this.#at] !== QUOTE) throw IRREGULAR;
    let at = this.#at + 1;
    this.#isEscaped = false;
    for (;;) {
      while (PLAIN[bytes[at]!] === 1) at += 1;
      const byte = bytes[at];
      at += 1;
      if (byte === QUOTE) break;
      if (byte !== BACKSLASH) throw IRREGULAR;
      this.#isEscaped = true;
      const escaped = bytes[at]!;
      at += 1;
      if (ESCAPED[escaped] === 1) continue;
      if (escaped !== LOWER_U) throw IRREGULAR;
      for (const end = at + 4; at < end; at += 1) if (HEX[bytes[at]!] !== 1) throw IRREGULAR;
    }
    this.#at = at;
  }

  #skipNumber(): void {
    const bytes = this.#bytes;
    if (bytes[this.#at] === MINUS) this.#at += 1;
    if (bytes[this.#at] === ZERO) this.#at += 1;
    else this.#skipDigits();
    if (bytes[this.#at] === POINT) {
      this.#at += 1;
      this.#skipDigits();
    }
    if (bytes[this.#at] === LOWER_E || bytes[this.#at] === UPPER_E) {
      this.#at += 1;
      if (bytes[this.#at] === PLUS || bytes[this.#at] === MINUS) this.#at += 1;
      this.#skipDigits();
    }
  }

  #skipDigits(): void {
    if (!isDigit(this.#bytes[this.#at]!)) throw IRREGULAR;
    while (isDigit(this.#bytes[this.#at]!)) this.#at += 1;
  }

  #skipWord(): void {
    const word = WORDS.find((word) => this.#isAt(word, this.#at));
    if (!word) throw IRREGULAR;
    this.#at += word.length;
  }

  #skipSpace(): void {
    const bytes = this.#bytes;
    for (let byte = bytes[this.#at]!; byte <= SPACE; byte = bytes[this.#at]!) {
      const isBreak = byte === LINE_FEED || byte === CARRIAGE_RETURN;
      // An event is one line of the log.
      if (isBreak ? this.#isInEvent : byte !== SPACE && byte !== TAB) throw IRREGULAR;
      this.#at += 1;
    }
  }
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= NINE;
}

/** All of them from the start, so that every event has the same shape to the compiler. */
function newFields(): Fields {
  return {
    type: undefined,
    messageId: undefined,
    userId: undefined,
    anonymousId: undefined,
    event: undefined,
    name: undefined,
    timestamp: undefined,
    sentAt: undefined,
    properties: undefined,
    traits: undefined,
  };
}
