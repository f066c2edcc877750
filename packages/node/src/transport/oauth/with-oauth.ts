import type { Transport } from '../transport.ts';
import type { AccessToken, AccessTokens } from './access-tokens.ts';

/**
 * A token in place of the write key, which goes into the body instead: as @segment/analytics-node has
 * it. A token that is refused with 401 is replaced once.
 */
export function withOAuth(
  transport: Transport,
  tokens: Pick<AccessTokens, 'get' | 'forget'>,
  writeKey: () => string,
): Transport {
  return {
    post: async (request) => {
      const body = `{"writeKey":${JSON.stringify(writeKey())},${String(request.body).slice(1)}`;
      const postWith = ({ text }: AccessToken) =>
        transport.post({
          ...request,
          body,
          headers: { ...request.headers, authorization: `Bearer ${text}` },
        });
      const token = await tokens.get();
      if ('failure' in token) return token.failure;
      const reply = await postWith(token);
      if (reply.kind !== 'answered' || reply.status !== 401) return reply;
      tokens.forget(token);
      const renewed = await tokens.get();
      return 'failure' in renewed ? renewed.failure : postWith(renewed);
    },
    close: () => transport.close(),
  };
}
