export { openRefusedReader } from './refused-reader.ts';
export {
  openRefusedStore,
  type KeptRefusal,
  type RefusedReader,
  type RefusedStore,
} from './refused-store.ts';
export { RefusedFileError } from './schema.ts';
