import { BATCH_MAX_COUNT } from '@millrace/spec';
import { z } from 'zod';
import type { DestinationConfig } from '../destination.ts';
import { destinationConfig, type RoutingOptions } from '../routing.ts';
import { secretSettings } from './secret-settings.ts';
import { tlsSettings, type WebhookTlsOptions } from './tls-settings.ts';

export const WEBHOOK_NAME = 'Webhook';

export interface WebhookOptions extends RoutingOptions {
  /** Unique among the destinations; lower-case letters, digits and dashes. */
  id: string;
  /** Where to post to: http or https, without a user or password in it (use `headers`). */
  url: string;
  /** Sent with each request, such as `authorization`. May replace `content-type` and `user-agent`. */
  headers?: Record<string, string>;
  /**
   * Default: each event is a request of its own, a JSON object. With `batch` the body is always a
   * JSON array of at most `maxCount` events (1 to 2,500), half a megabyte or one second's worth.
   */
  batch?: { maxCount: number };
  /** For a whole request, from connecting to the end of the answer. Default 10,000; at most 300,000. */
  timeoutMs?: number;
  /**
   * Signs each request by Standard Webhooks: `whsec_` and 24 to 64 bytes in base64. Of several, at most 8, each signs, so
   * that receivers can go from one to the next. Default: nothing is signed.
   */
  secret?: string | string[];
  /** Sends bodies of 1,024 bytes and more compressed. Default false: not every receiver takes them. */
  gzip?: boolean;
  /** Of an https URL. Paths are relative to the config file. */
  tls?: WebhookTlsOptions;
}

/** Posts events to a URL. Used in a config; the checks run when the server loads it. */
export function webhook(options: WebhookOptions): DestinationConfig {
  return destinationConfig('webhook', options);
}

export type WebhookSettings = z.output<ReturnType<typeof webhookSettings>>;

/** @param folder What relative paths are relative to. */
export function webhookSettings(folder = '') {
  return z
    .strictObject({
      url: z
        .string()
        .refine(
          isPlainHttpUrl,
          'expected a URL that begins with http:// or https://, without user and password',
        ),
      headers: z.record(z.string(), z.string()).superRefine(checkHeaders).optional(),
      batch: z.strictObject({ maxCount: wholeNumber(BATCH_MAX_COUNT) }).optional(),
      timeoutMs: wholeNumber(300_000).default(10_000),
      secret: secretSettings().optional(),
      gzip: z.boolean('expected true or false').optional(),
      tls: tlsSettings(folder).optional(),
    })
    .superRefine(checkTogether);
}

const SIGNATURE_HEADERS = ['webhook-id', 'webhook-timestamp', 'webhook-signature'];

function checkTogether(
  {
    url,
    headers = {},
    secret,
    gzip,
    tls,
  }: {
    url: string;
    headers?: Record<string, string> | undefined;
    secret?: unknown;
    gzip?: boolean | undefined;
    tls?: unknown;
  },
  context: z.RefinementCtx,
): void {
  const refuse = (path: string[], message: string): void =>
    context.addIssue({ code: 'custom', path, message });
  if (tls !== undefined && new URL(url).protocol !== 'https:') {
    refuse(['tls'], 'expected it with a URL that begins with https:// only');
  }
  for (const name of Object.keys(headers)) {
    const lowerCaseName = name.toLowerCase();
    if (secret !== undefined && SIGNATURE_HEADERS.includes(lowerCaseName)) {
      refuse(['headers', name], 'expected no header that `secret` sets');
    }
    if (gzip && lowerCaseName === 'content-encoding') {
      refuse(['headers', name], 'expected no header that `gzip` sets');
    }
  }
}

function wholeNumber(max: number) {
  const expected = `expected a whole number from 1 to ${max}`;
  return z.number().int(expected).min(1, expected).max(max, expected);
}

function isPlainHttpUrl(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url !== undefined && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '';
}

// RFC 9110: 5.6.2 (token) and 5.5 (field value).
const HEADER_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
/** They say how the message is framed, which is not for a config to say. */
const FRAMING_HEADERS = new Set([
  'connection',
  'content-length',
  'expect',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

function checkHeaders(headers: Record<string, string>, context: z.RefinementCtx): void {
  const seen = new Set<string>();
  for (const [name, value] of Object.entries(headers)) {
    const refuse = (message: string): void => context.addIssue({ code: 'custom', path: [name], message });
    const lowerCaseName = name.toLowerCase();
    if (!HEADER_NAME.test(name)) refuse('expected the name of an HTTP header');
    else if (FRAMING_HEADERS.has(lowerCaseName)) refuse('expected no header that HTTP itself sets');
    else if (seen.has(lowerCaseName)) refuse('expected each header once, whatever its case');
    if (!HEADER_VALUE.test(value)) refuse('expected a header value: no line break, nothing beyond Latin-1');
    seen.add(lowerCaseName);
  }
}
