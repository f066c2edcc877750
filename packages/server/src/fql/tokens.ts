import { FqlError } from './fql-error.ts';

export type Token = { offset: number } & (
  | { kind: 'symbol'; text: string }
  | { kind: 'word'; text: 'and' | 'or' | 'in' }
  | { kind: 'literal'; text: string; value: string | number | boolean | null }
  /** A field of the event: the names on the way to it. */
  | { kind: 'path'; text: string; names: readonly string[] }
  | { kind: 'end'; text: '' }
);

const SPACE = /\s+/y;
const SYMBOL = /!=|<=|>=|[!=<>()[\],]/y;
const NUMBER = /-?\d+(\.\d+)?(?![\w.\\-])/y;
/** Any other character of a name is written with a backslash before it. */
const PATH = /(?:[A-Za-z0-9_-]|\\[^])+(?:\.(?:[A-Za-z0-9_-]|\\[^])+)*/y;
const LITERALS: ReadonlyMap<string, boolean | null> = new Map([
  ['true', true],
  ['false', false],
  ['null', null],
]);

/** @throws {FqlError} */
export function tokensOf(query: string): Token[] {
  const tokens: Token[] = [];
  let offset = 0;
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = offset;
    return pattern.exec(query)?.[0];
  };
  while (offset < query.length) {
    const space = take(SPACE);
    if (space !== undefined) {
      offset += space.length;
      continue;
    }
    const quote = query[offset]!;
    const token = quote === '"' || quote === "'" ? quoted(query, offset) : unquoted(take, offset);
    if (!token) throw new FqlError('a field, a value or an operator', JSON.stringify(quote), offset);
    tokens.push(token);
    offset += token.text.length;
  }
  return [...tokens, { kind: 'end', text: '', offset }];
}

function unquoted(take: (pattern: RegExp) => string | undefined, offset: number): Token | undefined {
  const symbol = take(SYMBOL);
  if (symbol !== undefined) return { kind: 'symbol', text: symbol, offset };
  const number = take(NUMBER);
  if (number !== undefined) return { kind: 'literal', text: number, value: Number(number), offset };
  const text = take(PATH);
  if (text === undefined) return undefined;
  const value = LITERALS.get(text);
  if (value !== undefined) return { kind: 'literal', text, value, offset };
  if (text === 'and' || text === 'or' || text === 'in') return { kind: 'word', text, offset };
  return { kind: 'path', text, names: namesOf(text), offset };
}

function namesOf(path: string): string[] {
  return path.match(/(?:[^.\\]|\\[^])+/g)!.map((name) => name.replaceAll(/\\([^])/g, '$1'));
}

function quoted(query: string, offset: number): Token {
  const quote = query[offset];
  let value = '';
  for (let at = offset + 1; at < query.length; at += 1) {
    const character = query[at]!;
    if (character === quote) {
      return { kind: 'literal', text: query.slice(offset, at + 1), value, offset };
    }
    if (character !== '\\') {
      value += character;
      continue;
    }
    at += 1;
    const escaped = query[at];
    // What stands behind other backslashes is for `match` to read, such as \*.
    if (escaped !== undefined) value += escaped === quote || escaped === '\\' ? escaped : `\\${escaped}`;
  }
  throw new FqlError(`${quote} at the end of the text`, 'the end', query.length);
}
