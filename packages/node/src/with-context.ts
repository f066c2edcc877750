import { usageError } from './errors.ts';
import { AsyncLocalStorage } from './platform.ts';

/** What the calls within a `withContext` share: members of a message. */
export type MessageDefaults = Readonly<Record<string, unknown>>;

/** The defaults of a client for what runs now, and for what that starts. Made for its first `withContext`. */
export class CallContext {
  #storage = createStorage();

  /** Runs `fn` in the context; within another one of the same client, with the defaults of both. */
  run<Result>(defaults: MessageDefaults, fn: () => Result): Result {
    if (!isObject(defaults)) throw usageError('The defaults of a context must be an object.');
    return this.#storage.run(merged(this.#storage.getStore() ?? {}, defaults), fn);
  }

  /** The message with what it leaves out. What is no message is left for validation to refuse. */
  complete<Message>(message: Message): Message {
    const defaults = this.#storage.getStore();
    return defaults && isObject(message) ? (merged(defaults, message) as Message) : message;
  }
}

function createStorage() {
  if (AsyncLocalStorage) return new AsyncLocalStorage<MessageDefaults>();
  throw usageError('withContext needs AsyncLocalStorage, which this runtime has not.');
}

/** A member that is undefined counts as left out; `context` is merged as well, one level deep. */
function merged(defaults: MessageDefaults, own: MessageDefaults): MessageDefaults {
  const message: Record<string, unknown> = { ...defaults, ...given(own) };
  if (isObject(defaults['context']) && isObject(own['context'])) {
    message['context'] = { ...defaults['context'], ...given(own['context']) };
  }
  return message;
}

function given(own: MessageDefaults): MessageDefaults {
  return Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined));
}

/** Arrays and the like are no messages, and get no defaults. */
function isObject(value: unknown): value is MessageDefaults {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
