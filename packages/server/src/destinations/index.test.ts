import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { createDestination, destinationKinds, files, webhook } from './index.ts';

describe('the kinds of destinations', () => {
  it.each([webhook({ id: 'hook', url: 'https://example.com' }), files({ id: 'disk', dir: '/tmp/events' })])(
    'make $kind from what its factory returns, by the name they give it',
    async (config) => {
      const destination = await createDestination(config);
      expect(destination.name).toBe(destinationKinds[config.kind]?.name);
    },
  );

  it('check settings, fill in defaults and may be asked twice', () => {
    const settings = destinationKinds['files']?.settings('/project');
    const once = settings?.parse({ dir: 'events' });
    expect(once).toStrictEqual({ dir: '/project/events' });
    expect(settings?.parse(once)).toStrictEqual(once);
    expect(settings?.safeParse({ dir: '' }).success).toBe(false);
  });

  it.each(['pigeon', 'constructor'])('do not include %s', async (kind) => {
    await expect(createDestination({ kind, id: 'x', settings: {} })).rejects.toThrow(`kind "${kind}"`);
  });

  it('load no implementation until it is asked for', () => {
    const script = `
      const { createJiti } = await import('jiti');
      await createJiti(import.meta.url).import('./index.ts');
      const { createRequire } = await import('node:module');
      process.stdout.write(Object.keys(createRequire(import.meta.url).cache).join('\\n'));
    `;
    const loaded = execFileSync(process.execPath, ['--input-type=module', '--eval', script], {
      cwd: import.meta.dirname,
      encoding: 'utf8',
    });
    expect(loaded).toContain('webhook/settings.ts');
    expect(loaded).not.toContain('webhook/webhook.ts');
    expect(loaded).not.toContain('files/files.ts');
    expect(loaded).not.toContain('undici');
  });
});
