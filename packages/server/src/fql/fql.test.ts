import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FqlError, parseFql } from './index.ts';

const event = {
  type: 'track',
  event: 'Button Clicked',
  userId: 'u1',
  context: { library: { name: 'analytics.js', version: '1.0' } },
  properties: {
    features: ['discounts', 'dark-mode'],
    price: 12.5,
    count: 0,
    isNew: true,
    nothing: null,
    'a name.with dots': 'x',
    and: 'a word',
  },
};

/** @throws Whatever is thrown that is no FqlError. */
function matcherOf(query: string): ReturnType<typeof parseFql> {
  try {
    return parseFql(query);
  } catch (error) {
    if (error instanceof FqlError) return () => false;
    throw error;
  }
}

describe('parseFql', () => {
  it.each<[string, boolean]>([
    [`event = 'Button Clicked'`, true],
    [`event = "Screen Tapped"`, false],
    [`context.path.path = '/login'`, false],
    [`type = 'identify' or type = 'track'`, true],
    [`event = 'Button Clicked' and type = 'track'`, true],
    [`match( context.library.version, '1.*' )`, true],
    [`match( context.library.version, '2.*' )`, false],
    [`type = 'track' and ( event = 'Click' or match( event, 'Button *' ) )`, true],
    [`!contains( context.library.name, 'js' )`, false],
    [`'dark-mode' in properties.features`, true],
    [`'blink' in properties.features`, false],
    [`type in ['page', 'track']`, true],
    [`type in []`, false],
    [`contains(properties.features, 'discounts')`, true],
    // `and` binds tighter than `or`.
    [`type = 'track' or type = 'page' and event = 'no'`, true],
    [`(type = 'track' or type = 'page') and event = 'no'`, false],
    [`!(type = 'page') and !event = 'no'`, true],
    [`properties.price > 12 and properties.price <= 12.5`, true],
    [`properties.count = 0 and properties.count >= -1`, true],
    [`properties.count < '1'`, false],
    [`properties.count = '0'`, false],
    [`!type = 'page' and type = 'track'`, true],
    [`!!properties.isNew`, true],
    [`properties.isNew`, true],
    [`properties.isNew = true`, true],
    [`properties.price`, false],
    [`properties.missing = null and properties.nothing = null`, true],
    [`userId != null`, true],
    [`properties.features = null`, false],
    [`properties.a\\ name\\.with\\ dots = 'x'`, true],
    [`properties.and = 'a word'`, true],
    [`lowercase(event) = 'button clicked'`, true],
    [`length(properties.features) = 2 and length(userId) = 2`, true],
    [`typeof(properties.price) = 'number' and typeof(properties.features) = 'list'`, true],
    [`typeof(properties.missing) = 'null' and typeof(properties) = 'object'`, true],
    [`properties.constructor = null and constructor = null`, true],
    [`event = 'it\\'s' or event = "Button Clicked"`, true],
    [`event\n=\t"Button Clicked"`, true],
  ])('%s is %s', (query, expected) => {
    expect(parseFql(query)(event)).toBe(expected);
  });

  it.each([
    ['', 'expected a field, a value or a function, got the end at character 1'],
    ['type =', 'expected a field, a value or a function, got the end at character 7'],
    ['type == "track"', 'expected a field, a value or a function, got "=" at character 7'],
    ['type = "track" and', 'expected a field, a value or a function, got the end at character 19'],
    ['type = "track" event = "x"', 'expected "and", "or" or the end, got "event" at character 16'],
    ['type = "track', 'expected " at the end of the text, got the end at character 14'],
    ['(type = "track"', 'expected ")", got the end at character 16'],
    ['type = track)', 'expected "and", "or" or the end, got ")" at character 13'],
    ['type & 1', 'expected a field, a value or an operator, got "&" at character 6'],
    ['starts(event, "a")', 'expected one of the functions contains, match, lowercase'],
    ['contains(event)', 'expected ",", got ")" at character 15'],
    ['event.', 'expected a field, a value or an operator, got "." at character 6'],
    ['a = !b', 'expected a field, a value or a function, got "!" at character 5'],
    [`${'!'.repeat(101)}a`, 'expected at most 100 levels'],
    [`${'('.repeat(101)}a${')'.repeat(101)}`, 'expected at most 100 levels'],
    ['a'.repeat(10_001), 'expected at most 10000 characters, got 10001'],
  ])('refuses %s', (query, message) => {
    expect(() => parseFql(query)).toThrow(FqlError);
    expect(() => parseFql(query)).toThrow(message);
  });

  const words = fc.constantFrom(
    ...`type properties.x = != < in ! ( ) [ ] , and or "a" ' 1 -2.5 null true contains match lowercase typeof length \\ . * 💧`.split(
      ' ',
    ),
  );
  const queries = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc.array(words, { maxLength: 25 }).map((parts) => parts.join(' ')),
    fc.array(words, { maxLength: 25 }).map((parts) => parts.join('')),
  );

  it('throws nothing but its own error, and what it returns throws nothing', () => {
    fc.assert(
      fc.property(
        queries,
        fc.dictionary(fc.constantFrom('type', 'properties', 'x'), fc.jsonValue()),
        (query, object) => {
          const matches = matcherOf(query);
          expect(typeof matches(object)).toBe('boolean');
        },
      ),
      { numRuns: 3_000 },
    );
  });

  it('finds any text that it is given as a value', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const literal = `"${text.replaceAll(/["\\]/g, '\\$&')}"`;
        expect(parseFql(`event = ${literal}`)({ event: text })).toBe(true);
      }),
    );
  });
});

describe('match', () => {
  it.each<[string, string, boolean]>([
    ['*', '', true],
    ['', '', true],
    ['', 'a', false],
    ['a*c', 'abbbc', true],
    ['a*c', 'abbbd', false],
    ['*b*b*', 'abab', true],
    ['?', '💧', true],
    ['??', 'a', false],
    ['[abc]x', 'bx', true],
    ['[a-c]x', 'dx', false],
    ['[a-]', '-', true],
    ['\\*', '*', true],
    ['\\*', 'a', false],
    ['[', '[', true],
    ['a.c', 'abc', false],
  ])('%s of %s is %s', (pattern, text, expected) => {
    expect(parseFql(`match(text, pattern)`)({ text, pattern })).toBe(expected);
  });

  it('is not slow for any pattern', () => {
    const pattern = '*a'.repeat(200);
    const startedAt = performance.now();
    expect(parseFql('match(text, pattern)')({ text: `${'a'.repeat(20_000)}b`, pattern })).toBe(false);
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });
});
