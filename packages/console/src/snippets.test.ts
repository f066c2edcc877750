import { expect, test } from 'vitest';
import { curlSnippet, nodeSnippet } from './snippets.ts';

const trackingUrl = 'http://127.0.0.1:4123';

test('in dev mode the lines work as they are', () => {
  const facts = { trackingUrl, acceptsAnyWriteKey: true };
  expect(curlSnippet(facts)).toMatch(/^curl -u dev: .* http:\/\/127\.0\.0\.1:4123\/v1\/track -d '\{.*\}'$/);
  expect(nodeSnippet(facts).split('\n')).toHaveLength(5);
  expect(nodeSnippet(facts)).toContain(`new Analytics('dev', { host: '${trackingUrl}' })`);
});

test('with configured sources they say where the write key goes', () => {
  const facts = { trackingUrl, acceptsAnyWriteKey: false };
  expect(curlSnippet(facts)).toContain('-u YOUR_WRITE_KEY:');
  expect(nodeSnippet(facts)).toContain("new Analytics('YOUR_WRITE_KEY'");
});
