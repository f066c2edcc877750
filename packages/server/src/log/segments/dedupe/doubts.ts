import { LogWriteError } from '../../log.ts';

/** An event of which a run must be asked whether it is known. */
export interface Doubt {
  hash: string;
  /** In the append. */
  index: number;
  isKnown: Promise<boolean>;
}

/** The hashes that are known, or why that cannot be told. Never rejects. */
export async function knownOf(doubts: readonly Doubt[]): Promise<ReadonlySet<string> | LogWriteError> {
  try {
    const answers = await Promise.all(doubts.map(({ isKnown }) => isKnown));
    return new Set(doubts.flatMap(({ hash }, i) => (answers[i] ? [hash] : [])));
  } catch (cause) {
    return new LogWriteError('log_unavailable', 'it cannot be told whether an event is a duplicate', {
      cause,
    });
  }
}
