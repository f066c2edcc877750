import { sep } from 'node:path';

/** The page loads nothing from elsewhere, runs nothing inline and is shown in no frame. */
export const SECURITY_HEADERS = {
  'content-security-policy':
    "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
} as const;

/** Events hold personal data: no cache may keep them. */
export const API_HEADERS = { 'cache-control': 'no-store' } as const;

/** Files below `assets` carry a hash of their content in their name. */
export function cacheControlOf(path: string): string {
  return path.includes(`${sep}assets${sep}`) ? 'public, max-age=31536000, immutable' : 'no-cache';
}
