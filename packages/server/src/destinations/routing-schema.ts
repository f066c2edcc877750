import { EVENT_TYPES } from '@millrace/spec';
import { z } from 'zod';
import { FqlError, parseFql } from '../fql/index.ts';
import type { Condition, Transform } from './routing.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const RATE_WORDS = 'expected a number from 0.01 to 100000';
const ISO_TIME = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/;
const FIELD = /^(properties|traits|context)(\.[^.]+)+$/;

const fqlText = z.string('expected FQL text').superRefine((text, context) => {
  try {
    parseFql(text);
  } catch (error) {
    if (!(error instanceof FqlError)) throw error;
    context.addIssue({ code: 'custom', message: `expected FQL (${error.message})` });
  }
});

const conditionParts = z
  .strictObject({
    types: list(z.enum(EVENT_TYPES, `expected one of ${EVENT_TYPES.join(', ')}`), 'types').optional(),
    names: list(z.string('expected a name'), 'names').optional(),
    fql: fqlText.optional(),
  })
  .refine((parts) => Object.keys(parts).length > 0, 'expected at least one of types, names, fql');

const condition = z.unknown().superRefine((value, context) => {
  if (typeof value === 'function') return;
  const isText = typeof value === 'string';
  if (!isText && (typeof value !== 'object' || value === null || Array.isArray(value))) {
    context.addIssue({
      code: 'custom',
      message: 'expected FQL text, an object with types, names or fql, or a function',
    });
    return;
  }
  const { error } = (isText ? fqlText : conditionParts).safeParse(value);
  for (const issue of error?.issues ?? []) context.addIssue({ ...issue });
}) as unknown as z.ZodType<Condition>;

const fields = list(
  z
    .string('expected a path')
    .regex(FIELD, 'expected a path below properties, traits or context, such as properties.plan'),
  'paths',
);

const PERCENT_WORDS = 'expected a number from 0 to 100';

/** By action: the keys beside it. */
const filter = z.discriminatedUnion(
  'action',
  [
    z.strictObject({ action: z.literal('drop'), when: condition }),
    z.strictObject({ action: z.literal('only'), when: condition }),
    z.strictObject({
      action: z.literal('sample'),
      percent: z.number(PERCENT_WORDS).min(0, PERCENT_WORDS).max(100, PERCENT_WORDS),
      when: condition.optional(),
    }),
    z.strictObject({ action: z.literal('blockFields'), fields, when: condition.optional() }),
    z.strictObject({ action: z.literal('allowFields'), fields, when: condition.optional() }),
  ],
  {
    error: (issue) =>
      issue.code === 'invalid_union'
        ? 'expected one of drop, only, sample, blockFields, allowFields'
        : undefined,
  },
);

const START_WORDS = `expected 'now', 'earliest', an ISO 8601 time with its zone or milliseconds since the epoch`;

/** The keys of `RoutingOptions`, for the schema of a config. */
export const routingShape = {
  enabled: z.boolean().default(true),
  start: z.union([z.string(), z.number()], START_WORDS).refine(isStart, START_WORDS).optional(),
  maxEventAgeMs: whole(1_000, Number.MAX_SAFE_INTEGER).optional(),
  filters: z.array(filter).optional(),
  transform: z.custom<Transform>((value) => typeof value === 'function', 'expected a function').optional(),
  transformTimeoutMs: whole(1, MINUTE_MS).optional(),
  order: z.enum(['user', 'none'], "expected 'user' or 'none'").optional(),
  retry: z
    .strictObject({
      firstDelayMs: whole(1, HOUR_MS).optional(),
      maxDelayMs: whole(1, 24 * HOUR_MS).optional(),
      giveUpAfterMs: whole(0, 30 * 24 * HOUR_MS).optional(),
    })
    .optional(),
  rateLimit: z
    .strictObject({ eventsPerSecond: z.number(RATE_WORDS).min(0.01, RATE_WORDS).max(100_000, RATE_WORDS) })
    .optional(),
};

function isStart(value: string | number): boolean {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0;
  return (
    value === 'now' || value === 'earliest' || (ISO_TIME.test(value) && !Number.isNaN(Date.parse(value)))
  );
}

function whole(min: number, max: number): z.ZodNumber {
  const words = `expected a whole number from ${min} to ${max}`;
  return z.number(words).int(words).min(min, words).max(max, words);
}

function list<Member extends z.ZodType>(member: Member, what: string): z.ZodArray<Member> {
  return z.array(member, `expected a list of ${what}`).min(1, `expected at least one of the ${what}`);
}
