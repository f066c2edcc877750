import type { Fault } from './fault.ts';
import type { Behaviour } from './fault-server.ts';

const well: Behaviour = { treat: () => ({ status: 200 }) };
const away: Behaviour = { ...well, listensAfterMs: Infinity };
const bounds = { endsWithinMs: 15_000, memoryWithinMb: 120 };
/** Started again, it tracks nothing, and ends when what its predecessors left has arrived. */
const startedAgain = { server: well, program: { eventCount: 0, end: 'flush when told' as const } };
const ALL = 500;

/** The spool, and what becomes of events without one where a process ends without a word. */
export const SPOOL_FAULTS: readonly Fault[] = [
  {
    name: '`kill -9` after the tick, without a spool, while connections are refused',
    server: away,
    program: { end: 'kill -9' },
    restart: { server: well, program: { eventCount: 0 } },
    expected: { deliveredCount: 0, ...bounds },
  },
  {
    name: '`kill -9` after the tick, with a spool, while connections are refused; another start',
    spool: 'disk',
    server: away,
    program: { end: 'kill -9' },
    restart: startedAgain,
    expected: { deliveredCount: ALL, ...bounds },
  },
  {
    name: '`kill -9` at ten moments of a program that tracks all the time, with a spool; another start',
    spool: 'disk',
    server: well,
    program: { perTick: 20, eventCount: 10_000 },
    killedAtMs: [0, 3, 10, 25, 50, 80, 130, 200, 300, 450],
    restart: startedAgain,
    expected: { deliveredCount: 'all', duplicateCount: 'what was in flight', ...bounds },
  },
  {
    name: '`process.exit()` in the tick, with a spool; another start',
    spool: 'disk',
    server: away,
    program: { end: 'process.exit()' },
    restart: startedAgain,
    expected: { deliveredCount: ALL, ...bounds },
  },
  {
    name: 'connections are refused until the program has ended, with a spool; another start',
    spool: 'disk',
    server: away,
    program: { end: { flushTimeoutMs: 500 } },
    restart: startedAgain,
    expected: { deliveredCount: ALL, flushRejects: 'FLUSH_TIMEOUT', ...bounds },
  },
  {
    name: '401 until the program has ended, with a spool; another start',
    spool: 'disk',
    server: { treat: () => ({ status: 401 }) },
    program: { end: { flushTimeoutMs: 2_000 } },
    restart: startedAgain,
    expected: { deliveredCount: ALL, reported: { SPOOL_KEPT: ALL }, ...bounds },
  },
  {
    name: '400 for good, with a spool (the events are in `rejected/`); another start',
    spool: 'disk',
    server: { treat: () => ({ status: 400 }) },
    restart: { server: well, program: { eventCount: 0 } },
    expected: { deliveredCount: 0, reported: { HTTP_400: ALL }, ...bounds },
  },
  {
    name: '4,000 events with a spool on a disk of 2 MB, while connections are refused for 1 s',
    spool: 'small disk',
    server: { ...well, listensAfterMs: 1_000 },
    program: { eventCount: 4_000 },
    expected: { deliveredCount: 4_000, handled: ['SPOOL_UNAVAILABLE'], ...bounds },
  },
  {
    name: 'a spool on a disk that cannot be written',
    spool: 'read-only disk',
    server: well,
    expected: { deliveredCount: ALL, handled: ['SPOOL_UNAVAILABLE'], ...bounds },
  },
  {
    name: '200,000 events with a spool, without callbacks, while connections are refused for 1 s',
    spool: 'disk',
    server: { ...well, listensAfterMs: 1_000 },
    program: { eventCount: 200_000, perTick: 2_000, textBytes: 0, callbacks: false },
    expected: { deliveredCount: 200_000, endsWithinMs: 40_000, memoryWithinMb: 200 },
  },
];
