import type { Expected, Fault } from './fault.ts';
import type { Behaviour, Treatment } from './fault-server.ts';

const ALL = 500;
const DAY_MS = 86_400_000;
const ok: Treatment = { status: 200 };
const always = (treatment: Treatment): Behaviour => ({ treat: () => treatment });
/** Badly so often, then well. */
const firstRequests = (count: number, treatment: Treatment): Behaviour => ({
  treat: (number) => (number <= count ? treatment : ok),
});
const forMs = (ms: number, treatment: Treatment): Behaviour => ({
  treat: (_, sinceFirstMs) => (sinceFirstMs < ms ? treatment : ok),
});
const retryDate = (): Treatment => ({
  status: 429,
  headers: { 'retry-after': new Date(Date.now() + 2_000).toUTCString() },
});

/** Instead of the 60 s of the default, so that the matrix takes no hour. */
const impatient = { retryDeadlineMs: 1_000 };
/** What is tracked in one tick leaves in one request, as far as it fits. */
const inOneBatch = { flushAt: 1 };
/** Several times what was measured: other machines are slower. */
const bounds = { endsWithinMs: 10_000, memoryWithinMb: 120 };
const allDelivered: Expected = { deliveredCount: ALL, ...bounds };
const allReported = (code: string): Expected => ({ deliveredCount: 0, reported: { [code]: ALL }, ...bounds });

export const FAULTS: readonly Fault[] = [
  { name: 'none', server: always(ok), expected: allDelivered },
  {
    name: 'connections are refused for 1 s',
    server: { ...always(ok), listensAfterMs: 1_000 },
    expected: allDelivered,
  },
  {
    name: 'connections are refused for good',
    server: { ...always(ok), listensAfterMs: Infinity },
    program: { options: impatient },
    expected: allReported('ECONNREFUSED'),
  },
  {
    name: 'five requests are reset while they are sent',
    server: firstRequests(5, 'reset'),
    expected: allDelivered,
  },
  {
    name: 'a batch is taken, and the connection reset before the answer',
    server: firstRequests(1, 'answer lost'),
    program: { options: inOneBatch },
    expected: { ...allDelivered, duplicateCount: ALL },
  },
  {
    name: 'no answers for 1 s (a black hole), with `timeout: 400`',
    server: forMs(1_000, 'silence'),
    program: { options: { timeout: 400 } },
    expected: allDelivered,
  },
  {
    name: 'no answers, ever, with `timeout: 400`',
    server: always('silence'),
    program: { options: { timeout: 400, ...impatient } },
    expected: allReported('ECONNABORTED'),
  },
  {
    name: 'no connection is ever made (a full backlog), with `timeout: 400`',
    server: 'backlog full',
    program: { options: { timeout: 400, ...impatient } },
    expected: allReported('ECONNABORTED'),
  },
  {
    name: 'answers take 3 s, with the default `timeout`',
    server: always({ ...ok, afterMs: 3_000 }),
    expected: { ...allDelivered, endsWithinMs: 15_000 },
  },
  {
    name: '429 with `Retry-After: 1`',
    server: firstRequests(1, { status: 429, headers: { 'retry-after': '1' } }),
    expected: allDelivered,
  },
  {
    name: '429 with a date in `Retry-After`',
    server: { treat: (number) => (number === 1 ? retryDate() : ok) },
    expected: allDelivered,
  },
  {
    name: '429 with a date, while our clock is a day slow',
    server: { treat: (number) => (number === 1 ? retryDate() : ok) },
    program: { clockJumps: [{ atMs: 0, offsetMs: -DAY_MS }] },
    expected: allDelivered,
  },
  {
    name: '429 with a `Retry-After` past the deadline',
    server: always({ status: 429, headers: { 'retry-after': '120' } }),
    program: { options: inOneBatch },
    expected: allReported('HTTP_429'),
  },
  { name: '503 for 1.5 s', server: forMs(1_500, { status: 503 }), expected: allDelivered },
  {
    name: '503 for good',
    server: always({ status: 503 }),
    program: { options: impatient },
    expected: allReported('HTTP_503'),
  },
  ...[400, 401, 413].map((status): Fault => ({
    name: `${status} for good`,
    server: always({ status }),
    expected: allReported(`HTTP_${status}`),
  })),
  {
    name: '400 for the first of two batches (32 events of 30 KB)',
    server: firstRequests(1, { status: 400 }),
    program: { eventCount: 32, textBytes: 30_000, options: inOneBatch },
    expected: { deliveredCount: 16, reported: { HTTP_400: 16 }, ...bounds },
  },
  {
    name: 'answers of 200 are cut short',
    server: always({ ...ok, truncated: true }),
    expected: allDelivered,
  },
  {
    name: 'the name of the host is not found for 1 s',
    server: always(ok),
    program: { lookupFailsForMs: 1_000 },
    expected: allDelivered,
  },
  {
    name: 'the name of the host is never found',
    server: always(ok),
    program: { lookupFailsForMs: Infinity, options: impatient },
    expected: allReported('ENOTFOUND'),
  },
  {
    name: 'the clock jumps a day ahead and a day back, during 503 for 1.5 s',
    server: forMs(1_500, { status: 503 }),
    program: {
      clockJumps: [
        { atMs: 300, offsetMs: DAY_MS },
        { atMs: 800, offsetMs: -DAY_MS },
      ],
    },
    expected: allDelivered,
  },
  {
    name: '200,000 events in one tick, while connections are refused for 1 s',
    server: { ...always(ok), listensAfterMs: 1_000 },
    program: { eventCount: 200_000, textBytes: 0 },
    expected: {
      deliveredCount: 100_000,
      reported: { QUEUE_FULL: 100_000 },
      endsWithinMs: 20_000,
      memoryWithinMb: 300,
    },
  },
  {
    name: 'no answers, and the flush has a time-out of 1 s',
    server: always('silence'),
    program: { end: { flushTimeoutMs: 1_000 } },
    expected: { deliveredCount: 0, flushRejects: 'FLUSH_TIMEOUT', ...bounds },
  },
  {
    name: 'no answers, and the program just ends',
    server: always('silence'),
    program: { end: 'nothing' },
    expected: { deliveredCount: 0, handled: ['FLUSH_TIMEOUT'], ...bounds },
  },
];
