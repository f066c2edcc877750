import type { Logger } from 'pino';

export type RouterLogger = Pick<Logger, 'info' | 'warn' | 'error'>;

export interface ErrorDescription {
  errorName: string;
  errorCode?: string;
  /** Where it was thrown. */
  frames?: string[];
}

/**
 * What may be logged of an error. Its message is left out: those of vendors' clients and of
 * destinations hold URLs, credentials and parts of events.
 */
export function describeError(error: unknown): ErrorDescription {
  if (!(error instanceof Error)) return { errorName: typeof error };
  const { code } = error as { code?: unknown };
  const frames = error.stack?.split('\n').filter((line) => /^ {4}at /.test(line));
  return {
    errorName: error.name,
    ...(typeof code === 'string' && { errorCode: code }),
    ...(frames && frames.length > 0 && { frames: frames.slice(0, 10).map((line) => line.trim()) }),
  };
}
