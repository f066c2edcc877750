/** What is measured of the log: none of it is exported by the package. */
export { systemClock } from '../../packages/server/src/clock.ts';
export { realDisk } from '../../packages/server/src/log/segments/disk.ts';
export { HashTable } from '../../packages/server/src/log/segments/dedupe/hash-table.ts';
export { KnownEvents } from '../../packages/server/src/log/segments/dedupe/known-events.ts';
export { mergedHashes } from '../../packages/server/src/log/segments/dedupe/merged-hashes.ts';
export { writeRun } from '../../packages/server/src/log/segments/dedupe/run-writer.ts';
export { SealedHashes } from '../../packages/server/src/log/segments/dedupe/sealed-hashes.ts';
export { openSegmentLog } from '../../packages/server/src/log/segments/segment-log.ts';
export { openSegmentReader } from '../../packages/server/src/log/segments/reader.ts';
export { IndexBuilder, createLogSearch, openIndexFolder } from '../../packages/server/src/search/index.ts';
