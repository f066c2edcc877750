import { isJsonObject, type RefusalCode } from '@millrace/spec';
import type { Source, SourceRegistry } from './sources.ts';

export type Authentication = { source: Source } | { code: RefusalCode };

export async function authenticate(
  sources: SourceRegistry,
  writeKey: string | undefined,
): Promise<Authentication> {
  if (writeKey === undefined) return { code: 'missing_write_key' };
  const source = await sources.resolve(writeKey);
  return source ? { source } : { code: 'project_not_found' };
}

/**
 * The write key as the user of HTTP Basic; the password is ignored and the colon may be missing.
 * Any other scheme counts as no key: some SDKs send a Bearer token beside a key in the body.
 */
export function writeKeyOfHeader(authorization: string | undefined): string | undefined {
  const credentials = /^basic +(\S+) *$/i.exec(authorization ?? '')?.[1];
  if (credentials === undefined) return undefined;
  const [user] = Buffer.from(credentials, 'base64').toString('utf8').split(':', 1);
  return user === '' ? undefined : user;
}

/** The `writeKey` at the top of a body; one inside an item of a batch is not looked at. */
export function writeKeyOfBody(body: unknown): string | undefined {
  const writeKey = isJsonObject(body) ? body['writeKey'] : undefined;
  return typeof writeKey === 'string' && writeKey !== '' ? writeKey : undefined;
}
