/** The shop's programs that send events. */
export const SOURCES = [
  { id: 'website', name: 'Shop website', writeKey: 'demo-website-K7Qd' },
  { id: 'api', name: 'Shop API', writeKey: 'demo-api-X2Pn' },
  { id: 'app', name: 'Mobile app', writeKey: 'demo-app-R9Vt' },
] as const;

export type SourceId = (typeof SOURCES)[number]['id'];
