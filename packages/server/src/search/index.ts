export { decodeSearchCursor, encodeSearchCursor } from './cursor.ts';
export { IndexBuilder } from './index-builder.ts';
export { faultOfIndexFile } from './examine-index-file.ts';
export { openIndexFolder, placeOfIndexName } from './index-folder.ts';
export { createLogSearch } from './log-search.ts';
export { followLog } from './open-index.ts';
export type { EventSearch, SearchCursor, SearchPage, SearchQuery } from './search.ts';
