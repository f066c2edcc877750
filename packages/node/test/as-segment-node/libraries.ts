import { createRequire } from 'node:module';

/**
 * What a program on @segment/analytics-node 3.1 relies on: as in ../as-analytics-node, every assertion is made
 * of that library and of the built one alike.
 */

const require = createRequire(import.meta.url);

export const CALLS = ['identify', 'group', 'track', 'page', 'screen', 'alias'] as const;

export interface Context {
  event: Record<string, unknown>;
  updateEvent(path: string, value: unknown): unknown;
  cancel(error?: unknown): void;
}

export interface Plugin {
  name: string;
  type: 'before' | 'enrichment' | 'destination' | 'after' | 'utility';
  version: string;
  isLoaded: () => boolean;
  load: () => Promise<unknown>;
  track?: (context: Context) => Context | Promise<Context>;
  identify?: (context: Context) => Context | Promise<Context>;
}

type Call = (message: object, callback?: (error?: unknown, context?: unknown) => void) => unknown;

export interface Client extends Record<(typeof CALLS)[number], Call> {
  VERSION: string;
  ready: Promise<void>;
  flush(options?: { timeout?: number; close?: boolean }): Promise<unknown>;
  closeAndFlush: (options?: { timeout?: number }) => Promise<unknown>;
  on(event: string, listener: (...given: never[]) => void): Client;
  once(event: string, listener: (...given: never[]) => void): Client;
  off(event: string, listener: (...given: never[]) => void): Client;
  register(...plugins: Plugin[]): Promise<unknown>;
  deregister(...names: string[]): Promise<unknown>;
}

export type Library = new (settings: object) => Client;

const theirs = require('@segment/analytics-node') as { Analytics: Library };
const ours = require('../../dist/index.cjs') as { Analytics: Library };

export const LIBRARIES: [name: string, library: Library][] = [
  ['@segment/analytics-node', theirs.Analytics],
  ['@millrace/node', ours.Analytics],
];

/** For every one of the calls. */
export const VALID = { userId: 'u', event: 'e', groupId: 'g', previousId: 'p' };
