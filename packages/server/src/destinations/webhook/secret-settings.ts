import { z } from 'zod';

const MAX_SECRET_COUNT = 8;
// Standard Webhooks, "Signature scheme": the prefix, then 24 to 64 random bytes in base64.
const SECRET = /^whsec_([A-Za-z0-9+/]+={0,2})$/;
const MIN_KEY_BYTES = 24;
const MAX_KEY_BYTES = 64;
const EXPECTED_SECRET = `expected "whsec_" and ${MIN_KEY_BYTES} to ${MAX_KEY_BYTES} bytes in base64`;

/** One secret, or several while one takes the place of another. */
export function secretSettings() {
  return z
    .union([z.string(), z.array(z.string())], 'expected a secret, or a list of them')
    .superRefine((value, context) => {
      if (typeof value === 'string') {
        if (!isSecret(value)) context.addIssue({ code: 'custom', message: EXPECTED_SECRET });
        return;
      }
      if (value.length === 0 || value.length > MAX_SECRET_COUNT) {
        context.addIssue({ code: 'custom', message: `expected 1 to ${MAX_SECRET_COUNT} secrets` });
      }
      for (const [index, secret] of value.entries()) {
        if (!isSecret(secret)) context.addIssue({ code: 'custom', path: [index], message: EXPECTED_SECRET });
      }
    });
}

function isSecret(text: string): boolean {
  const key = SECRET.exec(text)?.[1];
  if (key === undefined) return false;
  const bytes = Buffer.from(key, 'base64');
  // Decoding takes whatever it can.
  if (bytes.toString('base64') !== key) return false;
  return bytes.length >= MIN_KEY_BYTES && bytes.length <= MAX_KEY_BYTES;
}
