/** What became of one event of a batch that was answered 200. */
export interface Verdict {
  /** Place in the batch, from 0. */
  readonly index: number;
  readonly code: string;
}

/** Asks a server that knows it, as Millrace does, to say which events of a batch it refused. */
export const ASK_FOR_VERDICTS = { 'x-millrace-verdicts': '1' } as const;

/** Of an answer no more is kept in memory. One that is longer has no verdicts that we would read. */
export const ANSWER_MAX_BYTES = 64 * 1024;

/**
 * The verdicts in the text of an answer. It may come from any server, so whatever is not of the form
 * is passed over; most answers, such as Segment's `{"success": true}`, are not even parsed.
 */
export function verdictsIn(text: string): readonly Verdict[] | undefined {
  if (!text.includes('"verdicts"')) return undefined;
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { verdicts } = Object(answer) as { verdicts?: unknown };
  if (!Array.isArray(verdicts)) return undefined;
  const wellFormed = verdicts.filter(isVerdict).map(({ index, code }) => ({ index, code }));
  return wellFormed.length === 0 ? undefined : wellFormed;
}

function isVerdict(value: unknown): value is Verdict {
  const { index, code } = Object(value) as Partial<Verdict>;
  return Number.isSafeInteger(index) && index! >= 0 && typeof code === 'string';
}
