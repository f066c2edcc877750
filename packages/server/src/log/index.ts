export {
  FLAG_TIMESTAMP_SKEWED,
  LogReadError,
  LogWriteError,
  type AppendVerdict,
  type DurableEnds,
  type EventLog,
  type LogReader,
  type LogRecord,
  type NewEvent,
  type Partition,
  type Position,
  type ReadLimit,
} from './log.ts';
export { memoryLog, type MemoryLog, type MemoryLogOptions } from './memory-log.ts';
export { realDisk } from './segments/disk.ts';
export { openSegmentReader, type SegmentReaderOptions } from './segments/reader.ts';
export { openSegmentLog, type SegmentLog, type SegmentLogOptions } from './segments/segment-log.ts';
