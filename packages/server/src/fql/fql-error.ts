/** A query that is no FQL. The message says what was expected and what stands there. */
export class FqlError extends Error {
  override readonly name = 'FqlError';
  readonly code = 'invalid_fql';
  /** Of the character where it goes wrong, from 0. */
  readonly offset: number;

  constructor(expected: string, got: string, offset: number) {
    super(`expected ${expected}, got ${got} at character ${offset + 1}`);
    this.offset = offset;
  }
}
