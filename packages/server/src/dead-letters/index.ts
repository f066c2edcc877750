export { DeadQueryError, IDS_MAX_COUNT, parseListQuery, parseSelection, placeOfId } from './query.ts';
export { changeReply, listDead, showDead } from './read.ts';
export type { DeadChangeReply, DeadLetterLineReply, DeadLetterReply, DeadListReply } from './replies.ts';
