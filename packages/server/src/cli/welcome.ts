import type { RunningServer } from '../server.ts';

/**
 * What `millrace dev` prints for a newcomer: lines that work when pasted. With configured sources the
 * user puts in a key; those of the config are secrets.
 */
export function welcome({ trackingUrl, consoleUrl, acceptsAnyWriteKey }: RunningServer): string {
  const writeKey = acceptsAnyWriteKey ? 'dev' : 'YOUR_WRITE_KEY';
  return `
  Tracking API  ${trackingUrl}
  Console       ${consoleUrl}

  Send an event with curl:

curl -u ${writeKey}: -H 'content-type: application/json' ${trackingUrl}/v1/track -d '{"userId":"user-1","event":"Hello Millrace"}'

  or with Node (paste into node, started where @millrace/node is installed, as in this workspace):

const Analytics = require('@millrace/node');
const analytics = new Analytics('${writeKey}', { host: '${trackingUrl}' });
analytics.identify({ userId: 'user-1', traits: { plan: 'Pro' } });
analytics.track({ userId: 'user-1', event: 'Order Completed', properties: { total: 39.95 } });
analytics.flush().then(() => console.log('sent, see ${consoleUrl}'));

`;
}

export interface DemoFacts {
  trackingUrl: string;
  consoleUrl: string;
  /** As the user would type it. */
  dataDir: string;
}

/** What `millrace dev --demo` prints: what the page is going to show, and why. */
export function demoWelcome({ trackingUrl, consoleUrl, dataDir }: DemoFacts): string {
  return `
  Console       ${consoleUrl}   (open this)
  Tracking API  ${trackingUrl}

  A small shop is sending events through @millrace/node: visits, sign-ups, orders, a mobile app.
  Some are refused and some come twice, as everywhere. They go to three destinations:

    archive     files in ${dataDir}/events
    crm         a webhook; its vendor is sound, but takes no page views and rejects an event now and then
    newsletter  a webhook; its vendor fails for eight seconds of every thirty: watch it fall behind the log, and catch up

  The vendors are played by this process, nothing leaves this machine. The config that they are in:
  ${dataDir}/millrace.config.json

  Ctrl-C stops the demo. Start it again, and what was pending goes on. To forget it, delete ${dataDir}.

`;
}
