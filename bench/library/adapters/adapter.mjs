/**
 * One contender's own way to do what each of them can do. Options are the defaults that its users have, but
 * for compression, which is off: it trades CPU for bytes and on loopback only costs.
 *
 * @typedef {object} Client
 * @property {(message: any) => void} track One event, as `prepare` made it.
 * @property {() => Promise<void>} drain Sends what is queued; done as far as the library itself can tell.
 *
 * @typedef {object} Adapter
 * @property {(message: ReturnType<typeof import('../../event.mjs').messageOf>) => unknown} prepare
 *   The message in the contender's own shape. Not measured.
 * @property {(host: string, dir: string) => Client} create The folder is its own, and empty in a trial of its own.
 */

/** @type {Record<string, () => Promise<Adapter>>} In the order of the tables; the floor is what the ratios divide by. */
export const ADAPTERS = {
  floor: () => import('./floor.mjs'),
  millrace: () => import('./millrace.mjs'),
  'millrace-spool': () => import('./millrace-spool.mjs'),
  'analytics-node': () => import('./analytics-node.mjs'),
  segment: () => import('./segment.mjs'),
  rudder: () => import('./rudder.mjs'),
  posthog: () => import('./posthog.mjs'),
};

/** Packages as they are installed, for the tables. */
export const PACKAGES = {
  millrace: '@millrace/node',
  'millrace-spool': '@millrace/node',
  'analytics-node': 'analytics-node',
  segment: '@segment/analytics-node',
  rudder: '@rudderstack/rudder-sdk-node',
  posthog: 'posthog-node',
};

/** What is said behind the version. */
export const REMARKS = { 'millrace-spool': ', spool' };
