export interface SnippetFacts {
  trackingUrl: string;
  acceptsAnyWriteKey: boolean;
}

/** The page never learns a whole write key. */
function writeKeyFor({ acceptsAnyWriteKey }: SnippetFacts): string {
  return acceptsAnyWriteKey ? 'dev' : 'YOUR_WRITE_KEY';
}

export function curlSnippet(facts: SnippetFacts): string {
  const body = `{"userId":"user-1","event":"Hello Millrace"}`;
  return `curl -u ${writeKeyFor(facts)}: -H 'content-type: application/json' ${facts.trackingUrl}/v1/track -d '${body}'`;
}

export function nodeSnippet(facts: SnippetFacts): string {
  return `const Analytics = require('@millrace/node');
const analytics = new Analytics('${writeKeyFor(facts)}', { host: '${facts.trackingUrl}' });
analytics.identify({ userId: 'user-1', traits: { plan: 'Pro' } });
analytics.track({ userId: 'user-1', event: 'Order Completed', properties: { total: 39.95 } });
analytics.flush();`;
}

export const CONFIG_SNIPPET = `import { defineConfig, files } from 'millrace';

export default defineConfig({
  destinations: [
    files({ id: 'archive', dir: './events' }),
  ],
});`;
