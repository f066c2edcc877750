/** Where the browser SDK finds us, as it is to be told. */
export interface PublicPlace {
  protocol: 'http' | 'https';
  /** Name, and port where it is not the protocol's own. */
  host: string;
  /** Without a slash at its end; empty for none. */
  path: string;
}

export function placeOf(url: string): PublicPlace {
  const { protocol, host, pathname } = new URL(url);
  return { protocol: protocol === 'https:' ? 'https' : 'http', host, path: pathname.replace(/\/+$/, '') };
}

/**
 * What Segment's browser SDK asks its CDN for. No integration but Segment.io: another key would make it load code from
 * elsewhere. Metrics of its own it sends at a rate of 0.
 */
export function browserSettings(writeKey: string, { protocol, host, path }: PublicPlace): object {
  const apiHost = `${host}${path}/v1`;
  return {
    integrations: { 'Segment.io': { apiKey: writeKey, apiHost, protocol } },
    plan: {},
    metrics: { host: apiHost, sampleRate: 0 },
    remotePlugins: [],
  };
}
