export { Analytics, default } from './index.mjs';
export type {
  AliasParams,
  AnalyticsSettings,
  Context,
  GroupParams,
  GroupTraits,
  HTTPClient,
  HTTPClientRequest,
  HTTPFetchFn,
  HTTPFetchRequest,
  HTTPResponse,
  IdentifyParams,
  OAuthSettings,
  PageParams,
  Plugin,
  TrackParams,
  UserTraits,
} from './index.mjs';
