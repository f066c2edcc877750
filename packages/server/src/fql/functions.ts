import { globMatcher } from './glob.ts';

/** A value of an event or of a query; a field that is not there is null. */
export type Value = unknown;

export interface FqlFunction {
  argumentCount: number;
  /** Never throws, whatever it is given. */
  call: (...values: Value[]) => Value;
}

export const FUNCTIONS: Readonly<Record<string, FqlFunction>> = {
  contains: {
    argumentCount: 2,
    call: (text, part) =>
      Array.isArray(text)
        ? text.includes(part)
        : typeof text === 'string' && typeof part === 'string' && text.includes(part),
  },
  match: {
    argumentCount: 2,
    call: (text, pattern) =>
      typeof text === 'string' && typeof pattern === 'string' && globMatcher(pattern)(text),
  },
  lowercase: { argumentCount: 1, call: (text) => (typeof text === 'string' ? text.toLowerCase() : null) },
  length: {
    argumentCount: 1,
    call: (value) => (typeof value === 'string' || Array.isArray(value) ? value.length : null),
  },
  typeof: { argumentCount: 1, call: typeName },
};

function typeName(value: Value): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'list' : typeof value;
}
