import { createRequire } from 'node:module';
import type { Analytics } from '../../src/analytics.ts';

/**
 * What a program on analytics-node 6.2, and its own tests, rely on: every assertion of these tests is made
 * of that library and of the built one alike, so none can be of our own invention.
 */

const require = createRequire(import.meta.url);

export interface Item {
  message: unknown;
  callback: unknown;
}

export type Callback = (
  error?: unknown,
  data?: { batch: unknown[]; timestamp: unknown; sentAt: unknown },
) => void;

export const CALLS = ['identify', 'group', 'track', 'page', 'screen', 'alias'] as const;

/** What both have, as a program in JavaScript sees it. */
export interface Client
  extends
    Omit<Analytics, 'flush' | 'enqueue' | 'queue' | (typeof CALLS)[number] | '_validate'>,
    Record<(typeof CALLS)[number], (message?: object, callback?: Callback) => unknown> {
  queue: Item[];
  flush(callback?: Callback): Promise<unknown>;
  enqueue(type: string, message: object, callback?: Callback): unknown;
  _validate(message: unknown, type: string): void;
}

export type Library = new (writeKey?: unknown, options?: object) => Client;

interface Manifest {
  name: string;
  version: string;
}

const namedAs = ({ name, version }: Manifest, library: unknown) =>
  [name, library as Library, version] as [name: string, library: Library, version: string];

export const LIBRARIES = [
  namedAs(require('analytics-node/package.json') as Manifest, require('analytics-node')),
  namedAs(require('../../package.json') as Manifest, require('../../dist/index.cjs')),
];

/** For every one of the calls. */
export const VALID = { userId: 'u', event: 'e', groupId: 'g', previousId: 'p' };
