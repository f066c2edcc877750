import type { EventType } from '@millrace/spec';
import type { Analytics } from '@millrace/node';
import type { SourceId } from './sources.ts';

interface Messages {
  identify: Analytics.IdentifyMessage;
  track: Analytics.TrackMessage;
  page: Analytics.PageMessage;
  screen: Analytics.PageMessage;
  group: Analytics.GroupMessage;
  alias: Analytics.AliasMessage;
}

/** A call of one of the library's six methods by one of the shop's programs. */
export type LibraryCall<T extends EventType = EventType> = {
  [Type in T]: { via: 'library'; source: SourceId; type: Type; message: Messages[Type] };
}[T];

/** One program after another, in the order of what happened. */
export type LibraryCalls = Generator<LibraryCall, void>;

/** What somebody's own script posts, which no library would let through. */
export interface PostCall {
  via: 'post';
  writeKey: string;
  body: string;
}

export type Call = LibraryCall | PostCall;

/** The part of a client that is used; `Analytics` is one. */
export type Caller = { [Type in EventType]: (message: Messages[Type]) => unknown };

export function call<T extends EventType>(source: SourceId, type: T, message: Messages[T]): LibraryCall<T> {
  return { via: 'library', source, type, message };
}

export function makeCall<T extends EventType>(caller: Caller, { type, message }: LibraryCall<T>): void {
  caller[type](message);
}
