export { createRecorder, type RecordedEvent, type Recorder, type Some, type SomeOf } from './testing.cjs';
