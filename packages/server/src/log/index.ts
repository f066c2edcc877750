export { LogReadError } from './log.ts';
export { startTrimming, type TrimNotice } from './trimming.ts';
export { realDisk } from './segments/disk.ts';
export { noticeLevel, noticeWords } from './segments/dedupe/notice.ts';
export { readDurableEnds } from './segments/durable-end.ts';
export { openSegmentReader } from './segments/reader.ts';
export { openSegmentLog } from './segments/segment-log.ts';
