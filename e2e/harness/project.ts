import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** A throw-away project folder below the workspace, so that its config can import `millrace`. */
export interface Project {
  dir: string;
  writeConfig(source: string): Promise<void>;
  /** Every line of every NDJSON file in a folder of the project, parsed. */
  ndjson(folder: string): Promise<Record<string, unknown>[]>;
  remove(): Promise<void>;
}

export async function createProject(): Promise<Project> {
  const dir = await mkdtemp(join(ROOT, '.project-'));
  return {
    dir,
    writeConfig: (source) => writeFile(join(dir, 'millrace.config.ts'), source),
    ndjson: async (folder) => {
      const names = await readdir(join(dir, folder)).catch(() => []);
      const texts = await Promise.all(
        names.toSorted((a, b) => a.localeCompare(b)).map((name) => readFile(join(dir, folder, name), 'utf8')),
      );
      return texts.flatMap((text) => {
        const lines = text.split('\n');
        if (lines.pop() !== '') throw new Error(`a file of ${folder} ends in a torn line`);
        return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
      });
    },
    remove: () => rm(dir, { recursive: true, force: true }),
  };
}

/** A config with one source, one webhook and one folder of files. */
export function configFor(webhookUrl: string): string {
  return `import { defineConfig, files, webhook } from 'millrace';

export default defineConfig({
  sources: [{ id: 'shop', name: 'Shop', writeKey: 'shop-key' }],
  destinations: [
    webhook({ id: 'hook', url: '${webhookUrl}', headers: { 'x-team': 'growth' } }),
    files({ id: 'disk', dir: 'events' }),
  ],
});
`;
}
