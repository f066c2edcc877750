export { Analytics, default } from './index.mjs';
