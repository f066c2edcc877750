import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { openLedgerReader } from '../../packages/server/src/ledger/index.ts';
import { openSegmentLog, openSegmentReader } from '../../packages/server/src/log/index.ts';
import { keyOf, type Key } from './load.ts';

/** What is in the log of a server that has ended. */
export async function readLog(
  dataDir: string,
): Promise<{ keys: Key[]; sealedCount: number; runCount: number }> {
  const dir = join(dataDir, 'log');
  const runs = await readdir(join(dataDir, 'dedupe'));
  const log = await openSegmentLog({ dir });
  const end = log.durableEnds[0] ?? 0;
  await log.close();
  const reader = openSegmentReader({ dir, durableEnds: { 0: end } });
  try {
    const keys: Key[] = [];
    while (keys.length < end) {
      const records = await reader.read(0, keys.length, { maxCount: 1_000, maxBytes: 8 * 1024 * 1024 });
      for (const { sourceId, json } of records) {
        const { messageId, properties } = JSON.parse(json.toString()) as LoadEvent;
        // Under the source that sent it, or it is another event than was sent.
        const key = keyOf(sourceId, messageId);
        keys.push(properties.key === key ? key : `garbled ${key}`);
      }
    }
    const ranges = await reader.ranges(0);
    return {
      keys,
      sealedCount: ranges.filter(({ to }) => to !== undefined).length,
      runCount: runs.filter((name) => name.endsWith('.run')).length,
    };
  } finally {
    await reader.close();
  }
}

/** By destination and event of the log, what the ledger of a server that has ended says. */
export function readDecided(dataDir: string, keys: readonly Key[]): Record<string, Map<Key, string>> {
  const ledger = openLedgerReader(join(dataDir, 'ledger.db'));
  try {
    const decided: Record<string, Map<Key, string>> = {};
    for (const [position, key] of keys.entries()) {
      for (const { destinationId, decision } of ledger.trace(0, position))
        (decided[destinationId] ??= new Map<Key, string>()).set(key, decision.kind);
    }
    return decided;
  } finally {
    ledger.close();
  }
}

interface LoadEvent {
  messageId: string;
  properties: { key: Key };
}

/** Of one event at a destination. */
export function keyOfDelivered(event: unknown): Key {
  return (event as LoadEvent).properties.key;
}
