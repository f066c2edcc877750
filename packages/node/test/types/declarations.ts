import type { Analytics as Declared } from '@millrace/node';
import type { InstrumentOptions as DeclaredInstrument } from '@millrace/node/opentelemetry';
import type { Recorder as DeclaredRecorder } from '@millrace/node/testing';
import type { Analytics } from '../../src/analytics.ts';
import type { AnalyticsError } from '../../src/errors.ts';
import type { FlushOptions } from '../../src/flush.ts';
import type { InstrumentOptions } from '../../src/opentelemetry.ts';
import type { AnalyticsOptions, AnalyticsSettings } from '../../src/options.ts';
import type { Callback, FlushData } from '../../src/outgoing.ts';
import type { Stats } from '../../src/outbox.ts';
import type { QueueItem } from '../../src/queue.ts';
import type { Recorder } from '../../src/testing/recorder.ts';

// Holds the declarations, which are kept by hand, to the code, in both directions.

/** Names that only one of the two has. */
type Unmatched<Code, Declaration> =
  Exclude<keyof Code, keyof Declaration> | Exclude<keyof Declaration, keyof Code>;
/** Names whose type is too wide for its counterpart. */
type TooWide<From, To> = {
  [Name in keyof From & keyof To]: From[Name] extends To[Name] ? never : Name;
}[keyof From & keyof To];
type Differing<Code, Declaration> =
  Unmatched<Code, Declaration> | TooWide<Code, Declaration> | TooWide<Declaration, Code>;

/** Does not compile where there are names, and says which. */
type None<Names extends never> = Names;

export type Same = [
  None<Differing<AnalyticsOptions, Declared.Options>>,
  None<Differing<AnalyticsSettings, Declared.Settings>>,
  None<Differing<InstrumentOptions, DeclaredInstrument>>,
  None<Differing<Stats, Declared.Stats>>,
  None<Differing<FlushOptions, Declared.FlushOptions>>,
  None<Differing<FlushData, Declared.FlushData>>,
  None<Differing<QueueItem, Declared.QueueItem>>,
  None<Differing<Parameters<Callback>, Parameters<Declared.Callback>>>,
  None<Differing<AnalyticsError, Declared.AnalyticsError>>,
  None<Unmatched<Recorder, DeclaredRecorder>>,
  None<TooWide<Recorder, DeclaredRecorder>>,
  // The class declares what it takes more narrowly than it is written.
  None<Unmatched<Analytics, Declared>>,
  None<TooWide<Analytics, Declared>>,
];
