/** Failures of name lookup, routing, memory or certificates, which axios-retry never retries. */
const NEVER_RETRIED: ReadonlySet<unknown> = new Set([
  'ECONNABORTED',
  'ENOTFOUND',
  'ENETUNREACH',
  'OUT_OF_MEM',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_CRL',
  'UNABLE_TO_DECRYPT_CERT_SIGNATURE',
  'UNABLE_TO_DECRYPT_CRL_SIGNATURE',
  'UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY',
  'CERT_SIGNATURE_FAILURE',
  'CRL_SIGNATURE_FAILURE',
  'CERT_NOT_YET_VALID',
  'CERT_HAS_EXPIRED',
  'CRL_NOT_YET_VALID',
  'CRL_HAS_EXPIRED',
  'ERROR_IN_CERT_NOT_BEFORE_FIELD',
  'ERROR_IN_CERT_NOT_AFTER_FIELD',
  'ERROR_IN_CRL_LAST_UPDATE_FIELD',
  'ERROR_IN_CRL_NEXT_UPDATE_FIELD',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_CHAIN_TOO_LONG',
  'CERT_REVOKED',
  'INVALID_CA',
  'PATH_LENGTH_EXCEEDED',
  'INVALID_PURPOSE',
  'CERT_UNTRUSTED',
  'CERT_REJECTED',
]);

/**
 * The answer of analytics-node's `_isErrorRetryable`, for programs that ask it. Delivery does not:
 * its rule is in retry-policy.ts. Source: analytics-node 6.2 with axios-retry 3.2.
 */
export function isRetryableToAnalyticsNode(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false;
  const { code, response } = error as { code?: unknown; response?: { status?: unknown } };
  if (!response) return Boolean(code) && !NEVER_RETRIED.has(code);
  const status = Number(response.status);
  return status === 429 || (status >= 500 && status <= 599);
}
