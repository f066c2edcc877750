/** What happens to the finding of duplicates that an operator may want to know. Nothing of it fails an append. */
export type DedupeNotice =
  /** At start: that many segments are read again, since there is no sound run for them. */
  | { kind: 'rebuilding'; segmentCount: number }
  /** A run is not as it was written. It is made again from the segments. */
  | { kind: 'run-damaged'; reason: string }
  /** The events of a run could be read nowhere: up to `toMs` duplicates may be missed. */
  | { kind: 'forgotten'; toMs: number }
  /** Runs cannot be written. Their hashes stay in memory, and it is tried again. */
  | { kind: 'failing'; cause: unknown }
  | { kind: 'healed' }
  /** At the memory bound: duplicates of events before `sinceMs` are not found any more. */
  | { kind: 'capped'; sinceMs: number };

const WORDS: Record<DedupeNotice['kind'], string> = {
  rebuilding: 'segments are read again for what duplicates are found by',
  'run-damaged': 'what duplicates are found by is damaged; it is made again from the segments',
  forgotten:
    'what duplicates are found by is damaged, and segments of it are gone: older duplicates may be taken for new',
  failing: 'what duplicates are found by cannot be written; it is kept in memory',
  healed: 'what duplicates are found by can be written again',
  capped: 'duplicates are found less far back than configured: the memory for it is used up',
};

export function noticeWords({ kind }: DedupeNotice): string {
  return WORDS[kind];
}

export function noticeLevel({ kind }: DedupeNotice): 'info' | 'warn' {
  return kind === 'rebuilding' || kind === 'healed' ? 'info' : 'warn';
}

export interface DedupeStatus {
  /** Duplicates of events that were received from then on are found. By the log's clock. */
  sinceMs: number;
  /** The memory bound, and not the window, says since when. */
  isCapped: boolean;
  /** Hashes that are known, those of the active segment among them. */
  hashCount: number;
  memoryBytes: number;
  runCount: number;
  /** Sealed segments whose hashes are in memory and in no run yet. */
  unwrittenCount: number;
}
