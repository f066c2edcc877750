/** What `millrace dev` prints for a newcomer: lines that work when pasted. */
export function welcome({ trackingUrl, consoleUrl }: { trackingUrl: string; consoleUrl: string }): string {
  return `
  Tracking API  ${trackingUrl}
  Console       ${consoleUrl}

  Send an event with curl:

curl -u dev: -H 'content-type: application/json' ${trackingUrl}/v1/track -d '{"userId":"user-1","event":"Hello Millrace"}'

  or with Node (paste into node):

const Analytics = require('@millrace/node');
const analytics = new Analytics('dev', { host: '${trackingUrl}' });
analytics.identify({ userId: 'user-1', traits: { plan: 'Pro' } });
analytics.track({ userId: 'user-1', event: 'Order Completed', properties: { total: 39.95 } });
analytics.flush().then(() => console.log('sent, see ${consoleUrl}'));

`;
}
