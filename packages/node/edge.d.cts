import Analytics = require('./index.cjs');

export = Analytics;
