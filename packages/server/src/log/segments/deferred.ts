export interface Deferred {
  promise: Promise<void>;
  resolve: () => void;
  reject: (error: Error) => void;
}

/** `Promise.withResolvers` needs Node 22. */
export function deferred(): Deferred {
  let settlers: Omit<Deferred, 'promise'> | undefined;
  const promise = new Promise<void>((resolve, reject) => {
    settlers = { resolve, reject };
  });
  return { promise, ...settlers! };
}
