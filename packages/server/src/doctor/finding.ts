/** What the doctor says of one thing: nothing of what events, keys or letters hold. */
export interface Finding {
  /**
   * `derived-damaged`: it is made again from the log. `damaged`: what it held is lost, or cannot be relied on.
   * `not-checked`: it could not be looked at, so nothing is said of it.
   */
  state: 'ok' | 'derived-damaged' | 'damaged' | 'not-checked';
  /** Below the data folder. */
  file: string;
  /** Where in the file: a byte, a block, a destination. */
  place?: string;
  message: string;
  /** What to do about it. */
  advice?: string;
}

/** A step of an examination that cannot be made says so and leaves the others alone. */
export function notChecked(file: string, error: unknown, advice?: string): Finding {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  // Only what the system says: anything else is a bug, and is shown as one.
  if (code === undefined || !/^E[A-Z0-9]+$/.test(code)) throw error;
  return {
    state: 'not-checked',
    file,
    message: `it cannot be read: ${code}`,
    ...(advice !== undefined && { advice }),
  };
}
