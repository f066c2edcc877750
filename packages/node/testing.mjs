export { createRecorder } from './dist/testing.cjs';
