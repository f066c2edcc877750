/** What a server log may say of an error. */
export interface SafeDetails {
  name: string;
  code?: string;
  /** Where it was thrown, innermost first. */
  at: string[];
  /** Name and code of what is behind it. */
  cause?: string;
}

/** An error without its message: that may quote what somebody sent. */
export function safeDetails(error: unknown): SafeDetails {
  if (!(error instanceof Error)) return { name: typeof error, at: [] };
  const { code, cause } = error as NodeJS.ErrnoException;
  return {
    name: error.name,
    ...(typeof code === 'string' ? { code } : {}),
    at: framesOf(error),
    ...(cause instanceof Error
      ? { cause: `${cause.name} ${(cause as NodeJS.ErrnoException).code ?? ''}`.trim() }
      : {}),
  };
}

function framesOf({ stack = '', message }: Error): string[] {
  // The message stands in front of the frames and may hold lines that look like one.
  const frames = stack.slice(stack.indexOf(message) + message.length).split('\n');
  return frames.filter((line) => line.startsWith('    at ')).map((line) => line.trim());
}
