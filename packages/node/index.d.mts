import Analytics from './index.cjs';

export { Analytics };
export default Analytics;
