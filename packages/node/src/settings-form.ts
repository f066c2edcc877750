/** What users of @segment/analytics-node rely on in a client made as theirs are, `new Analytics({ writeKey })`. */

/** They may be called without the client: `const { track } = analytics`. */
const BOUND_METHODS = [
  'identify',
  'group',
  'track',
  'page',
  'screen',
  'alias',
  'flush',
  'closeAndFlush',
  'on',
  'once',
  'off',
  'register',
  'deregister',
] as const;

type Bindable = Record<(typeof BOUND_METHODS)[number], (...args: never[]) => unknown>;

export function bindMethods(client: Bindable): void {
  for (const name of BOUND_METHODS) {
    const value = client[name].bind(client);
    Object.defineProperty(client, name, { value, writable: true, configurable: true });
  }
}

/** Their `timestamp` may be a text, where analytics-node wants a Date: the message to be validated in its place. */
export function withDateOfText(message: unknown): unknown {
  if (typeof message !== 'object' || message === null) return message;
  const { timestamp } = message as { timestamp?: unknown };
  if (typeof timestamp !== 'string' || Number.isNaN(Date.parse(timestamp))) return message;
  return { ...message, timestamp: new Date(timestamp) };
}
