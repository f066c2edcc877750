import { expect, test, vi } from 'vitest';
import { emptyLedger } from './fakes.ts';
import { createRefusedRing } from './refused-ring.ts';
import { maskWriteKey, readStatus, type StatusOptions } from './status.ts';

const options = (given: Partial<StatusOptions> = {}): StatusOptions => ({
  startedAtMs: 5,
  trackingUrl: 'http://127.0.0.1:3700',
  acceptsAnyWriteKey: () => false,
  configFault: () => undefined,
  receivedCount: () => 7,
  refused: createRefusedRing({ runId: '1' }),
  sources: () => [],
  destinations: () => [{ id: 'archive', kind: 'files', name: 'Files', enabled: true }],
  logStatus: () => ({ bytes: 0, starts: { 0: 0 } }),
  routerStatus: () => ({ state: 'running', destinations: [{ destinationId: 'archive', state: 'running' }] }),
  ledger: emptyLedger,
  durableEnds: () => ({}),
  onLedgerError: () => {},
  ...given,
});

test('joins config, router and ledger for each destination', () => {
  const status = readStatus(
    options({
      durableEnds: () => ({ 0: 100, 1: 50 }),
      ledger: {
        totals: () => [
          {
            destinationId: 'archive',
            deliveredCount: 80,
            reorderedCount: 2,
            filtered: { UNSUPPORTED_EVENT_TYPE: 3 },
            dead: { HTTP_400: 2 },
            dropped: { HTTP_400: 1 },
            revived: { HTTP_422: 4 },
            pendingCount: 4,
            cursors: { 0: 90, 1: 45 },
            lastFailure: { atMs: 9, code: 'HTTP_400' },
          },
        ],
      },
    }),
  );
  expect(status.destinations).toEqual([
    {
      id: 'archive',
      kind: 'files',
      name: 'Files',
      state: 'running',
      deliveredCount: 80,
      reorderedCount: 2,
      pendingCount: 4,
      filtered: { UNSUPPORTED_EVENT_TYPE: 3 },
      dead: { HTTP_400: 2 },
      dropped: { HTTP_400: 1 },
      revived: { HTTP_422: 4 },
      lagCount: 15,
      lastFailure: { atMs: 9, code: 'HTTP_400' },
    },
  ]);
  expect(status.counts).toEqual({ receivedCount: 7, duplicateCount: 0, refusedCount: 0, refused: {} });
});

test.each([
  ['the router still starts', { state: 'starting', destinations: [] }, { state: 'starting' }],
  [
    'the router failed',
    { state: 'failed', reason: 'the ledger is locked', destinations: [] },
    { state: 'stopped', reason: 'the ledger is locked' },
  ],
  [
    'the credentials are refused',
    {
      state: 'running',
      destinations: [{ destinationId: 'archive', state: 'unauthorized', reason: 'HTTP_401' }],
    },
    { state: 'unauthorized', reason: 'HTTP_401' },
  ],
] as const)('tells the state when %s', (_, router, expected) => {
  const [destination] = readStatus(options({ routerStatus: () => router })).destinations;
  expect(destination).toMatchObject(expected);
});

test('a destination that is switched off is disabled, whatever the router does', () => {
  const destinations = [{ id: 'archive', kind: 'files', name: 'Files', enabled: false }];
  expect(readStatus(options({ destinations: () => destinations })).destinations[0]?.state).toBe('disabled');
});

test('says that the ledger cannot be read instead of failing', () => {
  const onLedgerError = vi.fn<(error: unknown) => void>();
  const ledger = {
    totals: () => {
      throw new Error('locked');
    },
  };
  expect(readStatus(options({ ledger, onLedgerError })).ledgerReadable).toBe(false);
  expect(onLedgerError).toHaveBeenCalledOnce();
});

test('says why the config file is not what runs', () => {
  expect(readStatus(options()).configFault).toBeUndefined();
  expect(readStatus(options({ configFault: () => 'a mistake' })).configFault).toBe('a mistake');
});

test('write keys are masked', () => {
  const source = { id: 'web', name: 'Web', writeKey: 'wk_live_0123456789' };
  const text = JSON.stringify(readStatus(options({ sources: () => [source] })));
  expect(text).toContain('…6789');
  expect(text).not.toContain('wk_live');
  expect(maskWriteKey('short')).toBe('…');
});
