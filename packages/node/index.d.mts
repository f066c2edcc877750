import Analytics from './index.cjs';

export { Analytics };
export default Analytics;

// The types that programs import from @segment/analytics-node by name.
export type AliasParams = Analytics.AliasParams;
export type AnalyticsSettings = Analytics.AnalyticsSettings;
export type Context = Analytics.Context;
export type GroupParams = Analytics.GroupParams;
export type GroupTraits = Analytics.GroupTraits;
export type HTTPClient = Analytics.HTTPClient;
export type HTTPClientRequest = Analytics.HTTPClientRequest;
export type HTTPFetchFn = Analytics.HTTPFetchFn;
export type HTTPFetchRequest = Analytics.HTTPFetchRequest;
export type HTTPResponse = Analytics.HTTPResponse;
export type IdentifyParams = Analytics.IdentifyParams;
export type OAuthSettings = Analytics.OAuthSettings;
export type PageParams = Analytics.PageParams;
export type Plugin = Analytics.Plugin;
export type TrackParams = Analytics.TrackParams;
export type UserTraits = Analytics.UserTraits;
