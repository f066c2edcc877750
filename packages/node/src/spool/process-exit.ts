/** Something that has a last word to write when the process ends. */
export interface Writer {
  writeAtExit(): void;
}

/** State of the process, not of a client: it ends once, and each client's own listener would soon be a leak. */
const writers = new Set<Writer>();

export function writeAtExit(writer: Writer): void {
  if (writers.size === 0) process.on('exit', writeAll);
  writers.add(writer);
}

export function forgetWriter(writer: Writer): void {
  if (writers.delete(writer) && writers.size === 0) process.off('exit', writeAll);
}

function writeAll(): void {
  for (const writer of writers) writer.writeAtExit();
}
