import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEPTH_MAX } from './json.ts';
import { scan, type EventSlice, type ScannedBody } from './scan.ts';
import { stampSlice } from './stamp-slice.ts';

const STAMPS = { receivedAt: '2026-01-02T03:04:05.678Z', timestamp: '2026-01-01T00:00:00.000Z' };
const FIELDS =
  'type messageId userId anonymousId event name timestamp sentAt properties traits context integrations ' +
  'originalTimestamp receivedAt writeKey batch __proto__ a';

const textOf = ({ body, start, end }: EventSlice): string => body.toString('utf8', start, end);
const scanText = (text: string, route: 'batch' | 'track' = 'batch'): ScannedBody | undefined =>
  scan(Buffer.from(text), route);

/** JSON as senders write it: white space anywhere, fields in any order, some of them twice. */
const space = fc.constantFrom('', '', '', '', ' ', '\t ', '\n');
const scalar = fc.oneof(
  fc.string({ unit: 'binary' }).map((text) => JSON.stringify(text)),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => JSON.stringify(number)),
  fc.constantFrom('"\\""', '"\\\\"', '"}"', '"\\\\\\"{"', '"\\u00fC"', '"ü🐎"', '-0', '-1.5e+3', '1E9'),
  fc.constantFrom('true', 'false', 'null', '"track"', '"2026-01-01T00:00:00Z"'),
);
const { value, object } = fc.letrec<{ value: string; object: string }>((tie) => ({
  value: fc.oneof({ maxDepth: 3 }, scalar, tie('object'), arrayOf(tie('value'))),
  object: objectOf(tie('value')),
}));
const batch = fc
  .tuple(space, fc.oneof(arrayOf(object), arrayOf(value)), objectOf(value, 2))
  .map(
    ([gap, items, rest]) =>
      `${gap}{"batch"${gap}:${items}${/^\{\s*\}$/.test(rest) ? '' : ','}${rest.slice(1)}`,
  );

function arrayOf(items: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc
    .tuple(space, fc.array(joined(space, items, space), { maxLength: 4 }))
    .map(([gap, parts]) => `[${parts.join() || gap}]`);
}

function objectOf(values: fc.Arbitrary<string>, maxLength = 6): fc.Arbitrary<string> {
  const key = fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom(...FIELDS.split(' ')).map((name) => `"${name}"`) },
    fc.string().map((text) => JSON.stringify(text)),
    fc.constantFrom('"t\\u0079pe"', '"b\\u0061tch"'),
  );
  return fc
    .tuple(space, fc.array(joined(space, key, space, fc.constant(':'), space, values, space), { maxLength }))
    .map(([gap, parts]) => `{${parts.join() || gap}}`);
}

function joined(...parts: fc.Arbitrary<string>[]): fc.Arbitrary<string> {
  return fc.tuple(...parts).map((texts) => texts.join(''));
}

/** As deep as the collector looks. */
function shallow(deep: unknown): unknown {
  if (Array.isArray(deep)) return [];
  return typeof deep === 'object' && deep !== null ? {} : deep;
}

function fieldsOf(event: unknown): unknown {
  const fields = event as Record<string, unknown>;
  const judged = FIELDS.split(' ').slice(0, 10);
  return Object.fromEntries(judged.map((name) => [name, shallow(fields[name])]));
}

/** What the scan says of a text, and what JSON.parse says of the same; equal where the scan is right. */
function accounts(text: string, route: 'batch' | 'track'): [scanned: unknown, parsed: unknown] | undefined {
  const scanned = scanText(text, route);
  if (!scanned) return undefined;
  // As the collector reads it: of half a surrogate pair UTF-8 makes something else.
  const body = JSON.parse(Buffer.from(text).toString()) as {
    batch: unknown[];
    sentAt?: unknown;
    writeKey?: unknown;
  };
  const events = route === 'batch' ? body.batch : [body];
  const found = scanned.value as typeof body;
  const foundEvents = route === 'batch' ? found.batch : [found];
  const envelope = ({ sentAt, writeKey }: typeof body): unknown =>
    route === 'batch' ? [shallow(sentAt), shallow(writeKey)] : [];
  return [
    [scanned.slices.map((slice) => JSON.parse(textOf(slice)) as unknown), foundEvents, envelope(found)],
    [events, events.map(fieldsOf), envelope(body)],
  ];
}

/** Counts how many texts the scan took, so that a scan that takes none does not pass. */
function agreesWithJsonParse(texts: fc.Arbitrary<string>, route: 'batch' | 'track'): number {
  let takenCount = 0;
  fc.assert(
    fc.property(texts, (text) => {
      const both = accounts(text, route);
      if (!both) return;
      takenCount += 1;
      expect(both[0]).toEqual(both[1]);
    }),
    { numRuns: 3_000 },
  );
  return takenCount;
}

describe('scan', () => {
  it('says of a batch what JSON.parse says, where it says anything', () => {
    expect(agreesWithJsonParse(batch, 'batch')).toBeGreaterThan(100);
  });

  it('says of a single event what JSON.parse says, where it says anything', () => {
    expect(agreesWithJsonParse(joined(space, object, space), 'track')).toBeGreaterThan(100);
  });

  it('takes nothing that JSON.parse refuses, whatever byte is changed', () => {
    const damaged = fc
      .tuple(
        joined(space, object, space),
        fc.nat(),
        fc.constantFrom('', '"', '\\', '}', ',', '0', '\u0001', 'e', ' '),
      )
      .map(([text, at, put]) => {
        const place = at % (text.length + 1);
        return text.slice(0, place) + put + text.slice(place + 1);
      });
    expect(agreesWithJsonParse(damaged, 'track')).toBeGreaterThan(50);
  });

  it.each([
    '{"a":01}',
    '{"a":1.}',
    '{"a":.5}',
    '{"a":1e}',
    '{"a":-}',
    '{"a":+1}',
    '{"a":tru}',
    '{"a":truee}',
    '{"a":"\\x"}',
    '{"a":"\\u12g4"}',
    '{"a":"\t"}',
    '{"a":1,}',
    '{,}',
    '{"a"}',
    '{"a":}',
    '{"a":[1,]}',
    '{"a":[}',
    '{"a":1}}',
    '{"a":1',
    '{"a":"',
    '{"a":"\\',
    '{"a":1}x',
    '\ufeff{"a":1}',
    '',
  ])('leaves %j to JSON.parse, which refuses it', (text) => {
    expect(scanText(text, 'track')).toBeUndefined();
    expect(() => JSON.parse(text) as unknown).toThrow(SyntaxError);
  });

  it.each([
    ['it is of another type than its path says', '{"type":"page"}'],
    ['it has a line break', '{"a":1,\n"b":2}'],
    ['a key is escaped', '{"timest\\u0061mp":"x"}'],
    ['timestamp comes twice', '{"timestamp":"x","timestamp":"y"}'],
    ['it has a stamp already', '{"receivedAt":"x"}'],
    ['it says its original timestamp', '{"originalTimestamp":"x"}'],
    ['it carries a write key', '{"writeKey":"x"}'],
    ['its messageId is null', '{"messageId":null}'],
    ['its sentAt is null', '{"sentAt":null}'],
    ['it is no object', '[1]'],
    ['it is too deep', `{"a":${'['.repeat(DEPTH_MAX)}${']'.repeat(DEPTH_MAX)}}`],
  ])('leaves an event to JSON.parse where %s', (_, text) => {
    expect(scanText(text, 'track')).toBeUndefined();
    expect(() => JSON.parse(text) as unknown).not.toThrow();
  });

  it.each([
    ['it comes twice', '{"batch":[{"a":1}],"batch":[{"a":2}]}'],
    ['a key beside it is escaped', '{"batch":[{"a":1}],"b\\u0061tch":[{"a":2}]}'],
    ['it is no array', '{"batch":{"a":1}}'],
    ['an item is no object', '{"batch":[{"a":1},7]}'],
    ['a context is shared', '{"batch":[],"context":{}}'],
    ['the body is no object', '[{"batch":[]}]'],
  ])('leaves a batch to JSON.parse where %s', (_, text) => {
    expect(scanText(text)).toBeUndefined();
  });

  it('leaves bytes that are not UTF-8 to JSON.parse, which is given them mended', () => {
    const body = Buffer.from('{"a":"?"}');
    body[body.indexOf('?')] = 0xff;
    expect(scan(body, 'track')).toBeUndefined();
  });

  it('goes from brace to brace, whatever is around', () => {
    const scanned = scanText('\r\n {"batch":[ {"a":"ü"},\n {"b":[{}]} ] } \n');
    expect(scanned?.slices.map(textOf)).toEqual(['{"a":"ü"}', '{"b":[{}]}']);
  });

  it('takes an event as deep as may be', () => {
    const levels = DEPTH_MAX - 1;
    expect(scanText(`{"a":${'['.repeat(levels)}${']'.repeat(levels)}}`, 'track')).toBeDefined();
  });
});

describe('stampSlice', () => {
  it('changes the event as assigning the stamps to it would, whatever it holds', () => {
    let stampedCount = 0;
    fc.assert(
      fc.property(object, fc.boolean(), (text, hasOriginal) => {
        const [slice] = scanText(text, 'track')?.slices ?? [];
        const event = JSON.parse(text) as Record<string, unknown>;
        if (!slice || Object.keys(event).length === 0) return;
        stampedCount += 1;
        const stamps = { ...STAMPS, ...(hasOriginal && { originalTimestamp: 'Jan 1, 2026 (é)' }) };
        const lacking = 'messageId' in event ? {} : { messageId: 'm"1' };
        expect(JSON.parse(stampSlice(slice, stamps, lacking).toString())).toEqual(
          Object.assign(event, stamps, lacking),
        );
      }),
      { numRuns: 2_000 },
    );
    expect(stampedCount).toBeGreaterThan(20);
  });

  it('keeps digits that a number of JavaScript would lose', () => {
    const [slice] = scanText('{"id":12345678901234567890}', 'track')?.slices ?? [];
    expect(stampSlice(slice!, STAMPS, {}).toString()).toBe(
      `{"id":12345678901234567890,"receivedAt":"${STAMPS.receivedAt}","timestamp":"${STAMPS.timestamp}"}`,
    );
  });
});
