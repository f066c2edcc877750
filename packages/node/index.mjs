// A wrapper, so that import and require get the same class.
import Analytics from './dist/index.cjs';

export { Analytics };
// oxlint-disable-next-line import/no-default-export -- analytics-node's users import it so
export default Analytics;
