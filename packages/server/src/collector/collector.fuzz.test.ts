import * as fc from 'fast-check';
import { REFUSAL_CODES } from '@millrace/spec';
import { afterAll, describe, expect, it } from 'vitest';
import { systemClock } from '../clock.ts';
import { memoryLog } from '../log/memory-log.ts';
import { createCollector } from './collector.ts';
import { ANSWERS } from './replies.ts';
import { PATHS } from './routes.ts';
import { configuredSources } from './sources.ts';
import { watchLog } from './test-rig.ts';

const log = watchLog(memoryLog().log);
const app = createCollector({
  log,
  clock: systemClock,
  sources: configuredSources([{ id: 'web', name: 'Web', writeKey: 'k' }]),
});
afterAll(() => app.close());

const FIELDS =
  'type messageId userId anonymousId event name timestamp sentAt originalTimestamp receivedAt properties ' +
  'traits context integrations writeKey batch toJSON __proto__';

/** What may stand in a field: often what belongs there, so that the walk gets far. */
const value = fc.oneof(
  fc.constantFrom(
    'track',
    'alias',
    'k',
    'ada',
    '',
    null,
    '2026-01-01T00:00:00Z',
    '+275760-09-13T00:00:00Z',
    '1',
  ),
  fc.constantFrom('\ud800', '\u2028\n', 'x'.repeat(101), 1e308, -0, true),
  fc.jsonValue(),
);

/**
 * As JSON text, since an object literal cannot hold `__proto__` as a field of its own. Half of them
 * start valid; of a field that comes twice JSON takes the last.
 */
const item = fc
  .record({
    valid: fc.constantFrom(['"type":"track","userId":"ada","event":"x"'], []),
    wild: fc.array(fc.tuple(fc.constantFrom(...FIELDS.split(' ')), value), { maxLength: 4 }),
  })
  .map(
    ({ valid, wild }) =>
      `{${[...valid, ...wild.map(([key, field]) => `"${key}":${JSON.stringify(field)}`)].join()}}`,
  );

const nested = fc
  .integer({ min: 1, max: 20_000 })
  .map((depth) => `{"userId":"ada","a":${'['.repeat(depth)}${']'.repeat(depth)}}`);

const batch = fc
  .array(fc.oneof({ weight: 6, arbitrary: item }, nested, fc.json()), { maxLength: 5 })
  .map((items) => items.join());

/** Mostly what belongs to one route or the other, else the rest of the walk would see little. */
const body = fc.oneof(
  { weight: 4, arbitrary: item },
  { weight: 4, arbitrary: batch.map((items) => `{"batch":[${items}],"writeKey":"k"}`) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(batch, item)
      .map(
        ([items, shared]) => `{"batch":[${items}],"context":${shared},"sentAt":${JSON.stringify(shared)}}`,
      ),
  },
  nested,
  fc.json(),
  fc.string({ unit: 'binary' }),
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
);

/** What node's parser lets through in a header. */
const headerText = fc.string({
  unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)),
});

const headers = fc.record(
  {
    'content-type': fc.oneof(
      { weight: 9, arbitrary: fc.constantFrom('application/json', 'application/json; charset=utf-8') },
      { weight: 1, arbitrary: headerText },
    ),
    authorization: fc.oneof(
      { weight: 8, arbitrary: fc.constantFrom('Basic azo=', 'Basic aw==') },
      { weight: 1, arbitrary: headerText },
      { weight: 1, arbitrary: headerText.map((text) => `Basic ${text}`) },
    ),
    'content-encoding': fc.oneof(
      { weight: 9, arbitrary: fc.constant('identity') },
      { weight: 1, arbitrary: headerText },
    ),
    'x-millrace-verdicts': fc.constantFrom('1', '2'),
    'user-agent': headerText,
  },
  { requiredKeys: ['content-type', 'authorization'] },
);

const path = fc.oneof(
  { weight: 5, arbitrary: fc.constant('/v1/batch') },
  { weight: 4, arbitrary: fc.constantFrom(...Object.keys(PATHS)).map((path) => `/v1/${path}`) },
  { weight: 1, arbitrary: fc.webPath().map((tail) => `/${tail.replace(/^\/+/, '')}`) },
);

const DECIDED = new Set(
  [200, ...Object.values(ANSWERS).map(({ status }) => status)].filter((status) => status < 500),
);

describe('whatever comes in', () => {
  it('gets an answer of the contract, never a failure of ours', { timeout: 30_000 }, async () => {
    const seen = new Set<number>();
    await fc.assert(
      fc.asyncProperty(path, headers, body, async (url, headers, payload) => {
        const reply = await app.inject({ method: 'POST', url, headers, payload });
        seen.add(reply.statusCode);
        expect(DECIDED).toContain(reply.statusCode);
        const answer = reply.json<{ success: boolean; code?: string }>();
        expect([answer.success, answer.code]).toSatisfy(
          ([success, code]) => success === (reply.statusCode === 200) && (success || code in REFUSAL_CODES),
        );
      }),
      { numRuns: 1_000 },
    );
    // Else the generators are too wild to prove anything: they make about 75 events, give or take 10.
    expect([...seen].toSorted((a, b) => a - b)).toEqual([200, 400, 401, 404]);
    expect(log.events.length).toBeGreaterThan(20);
  });

  it('is in the log as one line of JSON that says what it must, within the bounds of an event', () => {
    for (const { json, messageId } of log.events) {
      expect(json.includes('\n')).toBe(false);
      expect(json.length).toBeLessThan(32_768 + 1_000);
      const kept = JSON.parse(json.toString('utf8')) as Record<string, unknown>;
      expect(kept['messageId']).toBe(messageId);
      expect(Date.parse(kept['timestamp'] as string)).not.toBeNaN();
      expect(Date.parse(kept['receivedAt'] as string)).not.toBeNaN();
      expect(kept).not.toHaveProperty('writeKey');
    }
    expect(Object.keys(Object.prototype)).toEqual([]);
  });
});
