import { Analytics } from '@millrace/node';
import type {
  AliasParams,
  AnalyticsSettings,
  Context,
  GroupParams,
  HTTPClient,
  HTTPClientRequest,
  HTTPFetchFn,
  HTTPResponse,
  IdentifyParams,
  OAuthSettings,
  PageParams,
  Plugin,
  TrackParams,
  UserTraits,
} from '@millrace/node';

// A program on @segment/analytics-node imports its types by name; only the package's name changes.
const oauthSettings: OAuthSettings = { clientId: 'app', clientKey: 'pem', keyId: 'key' };
const httpClient: HTTPClient = {
  makeRequest: (request: HTTPClientRequest): Promise<HTTPResponse> =>
    Promise.resolve({ status: request.body.length > 0 ? 200 : 400, statusText: 'OK' }),
};
const settings: AnalyticsSettings = { writeKey: 'KEY', httpClient, oauthSettings };
const plugin: Plugin = {
  name: 'plan',
  version: '1.0.0',
  type: 'enrichment',
  isLoaded: () => true,
  load: () => Promise.resolve(),
  track: (context: Context) => {
    context.updateEvent('properties.plan', 'pro');
    return context;
  },
};
const traits: UserTraits = { email: 'ada@example.com' };
const track: TrackParams = { userId: 'u', event: 'Signed Up', timestamp: '2026-01-01T00:00:00.000Z' };
const identify: IdentifyParams = { userId: 'u', traits };
const page: PageParams = { anonymousId: 'a', name: 'Home' };
const group: GroupParams = { userId: 'u', groupId: 'g', traits: {} };
const alias: AliasParams = { userId: 'u', previousId: 'a' };
const send: HTTPFetchFn = () => Promise.resolve({ status: 200, statusText: 'OK' });

const analytics = new Analytics(settings);
void analytics.register(plugin);
analytics.track(track);
analytics.identify(identify);
analytics.page(page);
analytics.group(group);
analytics.alias(alias);
const other = new Analytics({ writeKey: 'KEY', httpClient: send });
void other.closeAndFlush();
