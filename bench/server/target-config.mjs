const WRITE_KEY = 'bench-key';

/** What a client sends with each request. */
export const HEADERS = {
  'content-type': 'application/json',
  authorization: `Basic ${Buffer.from(`${WRITE_KEY}:`).toString('base64')}`,
};

/**
 * A config for `millrace start`.
 * @param {object[]} destinations
 */
export function configJson(destinations) {
  return JSON.stringify({ sources: [{ id: 'bench', name: 'Bench', writeKey: WRITE_KEY }], destinations });
}
