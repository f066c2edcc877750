import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { ConfigError, checkConfig, type Config } from './config.ts';
import { createReloader, type Reloader, type ReloaderOptions } from './reload.ts';
import { ConfigRefusedError, RouterStartError } from './router/supervisor.ts';

const BEFORE = checkConfig({}, 'millrace.config.ts', '.');
const AFTER = checkConfig(
  { sources: [{ id: 'web', name: 'Web', writeKey: 'k' }] },
  'millrace.config.ts',
  '.',
);

function start(given: Partial<ReloaderOptions> = {}): { reloader: Reloader; did: string[] } {
  const did: string[] = [];
  const reloader = createReloader({
    configFile: 'millrace.config.ts',
    config: BEFORE,
    router: {
      check: async () => void did.push('check'),
      replace: async () => void did.push('replace'),
    },
    faultOf: () => undefined,
    apply: async ({ sources }: Config) => void did.push(`apply ${sources.length} sources`),
    routerStopMs: 1,
    logger: pino({ level: 'silent' }),
    load: async () => AFTER,
    ...given,
  });
  return { reloader, did };
}

describe('a reload', () => {
  it('checks the config, applies it and replaces the router', async () => {
    const { reloader, did } = start();
    await reloader.reload();
    expect(did).toEqual(['check', 'apply 1 sources', 'replace']);
    expect(reloader.fault()).toBeUndefined();
  });

  it.each<[string, Partial<ReloaderOptions>, string]>([
    [
      'the router refuses',
      {
        router: {
          check: () => Promise.reject(new ConfigRefusedError('a mistake')),
          replace: () => expect.fail('replaced'),
        },
      },
      'a mistake',
    ],
    [
      'has a mistake',
      { load: () => Promise.reject(new ConfigError('sources[0].id: …')) },
      'sources[0].id: …',
    ],
    ['does not fit this server', { faultOf: () => 'needs a source' }, 'needs a source'],
  ])('changes nothing by a config that %s, and says why', async (_, given, fault) => {
    const { reloader, did } = start(given);
    await reloader.reload();
    expect(did).not.toContain('replace');
    expect(did).not.toContain('apply 1 sources');
    expect(reloader.fault()).toBe(fault);
  });

  it('forgets the fault of the reload before it', async () => {
    let fault: string | undefined = 'needs a source';
    const { reloader } = start({ faultOf: () => fault });
    await reloader.reload();
    expect(reloader.fault()).toBe('needs a source');
    fault = undefined;
    await reloader.reload();
    expect(reloader.fault()).toBeUndefined();
  });

  it('says when the router does not start with it', async () => {
    const { reloader } = start({
      router: {
        check: async () => {},
        replace: () => Promise.reject(new RouterStartError('ended with code 1')),
      },
    });
    await reloader.reload();
    expect(reloader.fault()).toBe('ended with code 1');
  });

  it('is made once more for all that asked while one was under way', async () => {
    const { reloader, did } = start();
    await Promise.all([reloader.reload(), reloader.reload(), reloader.reload()]);
    expect(did.filter((step) => step === 'check')).toHaveLength(2);
    await reloader.reload();
    expect(did.filter((step) => step === 'check')).toHaveLength(3);
  });
});
