import { isJsonObject, type JsonObject } from '@millrace/spec';
import { FqlError } from './fql-error.ts';
import { FUNCTIONS, type Value } from './functions.ts';
import { tokensOf, type Token } from './tokens.ts';

type Expression = (event: JsonObject) => Value;

const QUERY_MAX_LENGTH = 10_000;
/** Of parentheses, `!` and functions in each other: more would be a program and not a filter. */
const DEPTH_MAX = 100;

/**
 * Segment's Filter Query Language, read strictly: `type = "track" and (event = "Ordered" or match(event, "Cart *"))`.
 * Fields by path (`properties.plan`), a backslash before characters of a name that are no letter, digit, `_` or `-`; a
 * field that is not there is `null`. `=`, `!=`, `<`, `<=`, `>`, `>=`, `in`; `!` before `and` before `or`; parentheses; texts in either
 * quote, numbers, `true`, `false`, `null`, lists in brackets; `contains`, `match`, `lowercase`, `length`, `typeof`. Values of
 * different types are neither equal nor in any order.
 *
 * @returns Whether an event is meant by the query; never throws.
 * @throws {FqlError} The query is not FQL, is longer than 10,000 characters or nested more than 100 deep.
 * Source: https://segment.com/docs/api/public-api/fql/
 */
export function parseFql(query: string): (event: JsonObject) => boolean {
  if (query.length > QUERY_MAX_LENGTH) {
    throw new FqlError(`at most ${QUERY_MAX_LENGTH} characters`, String(query.length), QUERY_MAX_LENGTH);
  }
  const expression = new Parser(tokensOf(query)).whole();
  return (event) => expression(event) === true;
}

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  whole(): Expression {
    const expression = this.#either();
    if (this.#next.kind !== 'end') throw this.#unexpected('"and", "or" or the end');
    return expression;
  }

  #either(): Expression {
    const choices = this.#joined('or', () => this.#both());
    return choices.length === 1 ? choices[0]! : (event) => choices.some((choice) => choice(event) === true);
  }

  #both(): Expression {
    const parts = this.#joined('and', () => this.#comparison());
    return parts.length === 1 ? parts[0]! : (event) => parts.every((part) => part(event) === true);
  }

  #joined(word: 'and' | 'or', operand: () => Expression): Expression[] {
    const operands = [operand()];
    while (this.#take(word)) operands.push(operand());
    return operands;
  }

  #comparison(): Expression {
    if (this.#take('!')) {
      const negated = this.#deeper(() => this.#comparison());
      return (event) => negated(event) !== true;
    }
    const left = this.#operand();
    const operator = this.#next.text;
    const compare = Object.hasOwn(COMPARISONS, operator) ? COMPARISONS[operator] : undefined;
    // A path may be called like an operator where it is escaped; only what the lexer took for one is.
    if (!compare || this.#next.kind === 'path' || this.#next.kind === 'literal') return left;
    this.#at += 1;
    const right = this.#operand();
    return (event) => compare(left(event), right(event));
  }

  #deeper(inner: () => Expression): Expression {
    this.#depth += 1;
    if (this.#depth > DEPTH_MAX) throw this.#unexpected(`at most ${DEPTH_MAX} levels`);
    const expression = inner();
    this.#depth -= 1;
    return expression;
  }

  #operand(): Expression {
    return this.#deeper(() => this.#value());
  }

  #value(): Expression {
    const token = this.#next;
    if (this.#take('(')) {
      const inner = this.#either();
      this.#expect(')');
      return inner;
    }
    if (this.#take('[')) return this.#list();
    if (token.kind === 'literal') {
      this.#at += 1;
      const { value } = token;
      return () => value;
    }
    if (token.kind !== 'path') throw this.#unexpected('a field, a value or a function');
    this.#at += 1;
    return this.#take('(') ? this.#call(token) : (event) => valueAt(event, token.names);
  }

  #list(): Expression {
    const members: Expression[] = [];
    while (!this.#take(']')) {
      if (members.length > 0) this.#expect(',');
      members.push(this.#operand());
    }
    return (event) => members.map((member) => member(event));
  }

  #call(name: Token): Expression {
    const called = Object.hasOwn(FUNCTIONS, name.text) ? FUNCTIONS[name.text] : undefined;
    if (!called) {
      throw new FqlError(
        `one of the functions ${Object.keys(FUNCTIONS).join(', ')}`,
        `"${name.text}"`,
        name.offset,
      );
    }
    const values = [this.#operand()];
    while (values.length < called.argumentCount) {
      this.#expect(',');
      values.push(this.#operand());
    }
    this.#expect(')');
    return (event) => called.call(...values.map((value) => value(event)));
  }

  get #next(): Token {
    return this.#tokens[this.#at]!;
  }

  #take(text: string): boolean {
    const { kind } = this.#next;
    if ((kind !== 'symbol' && kind !== 'word') || this.#next.text !== text) return false;
    this.#at += 1;
    return true;
  }

  #expect(text: string): void {
    if (!this.#take(text)) throw this.#unexpected(`"${text}"`);
  }

  #unexpected(expected: string): FqlError {
    const { kind, text, offset } = this.#next;
    return new FqlError(expected, kind === 'end' ? 'the end' : JSON.stringify(text), offset);
  }
}

const COMPARISONS: Readonly<Record<string, (left: Value, right: Value) => boolean>> = {
  '=': (left, right) => left === right,
  '!=': (left, right) => left !== right,
  '<': (left, right) => ordered(left, right, (a, b) => a < b),
  '<=': (left, right) => ordered(left, right, (a, b) => a <= b),
  '>': (left, right) => ordered(left, right, (a, b) => a > b),
  '>=': (left, right) => ordered(left, right, (a, b) => a >= b),
  in: (left, right) => Array.isArray(right) && right.includes(left),
};

function ordered(
  left: Value,
  right: Value,
  compare: (a: string | number, b: string | number) => boolean,
): boolean {
  const isOrdered = typeof left === 'number' || typeof left === 'string';
  return isOrdered && typeof right === typeof left && compare(left, right as string | number);
}

function valueAt(event: JsonObject, names: readonly string[]): Value {
  let value: Value = event;
  for (const name of names) {
    if (!isJsonObject(value) || !Object.hasOwn(value, name)) return null;
    value = value[name];
  }
  return value ?? null;
}
