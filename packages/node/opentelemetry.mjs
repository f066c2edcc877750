// A wrapper, so that import and require get the same code.
export { instrument } from './dist/opentelemetry.cjs';
