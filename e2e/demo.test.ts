import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeInBrowser, faultsOf, openBrowser } from './harness/browser.ts';
import { createProject, type Project } from './harness/project.ts';
import { runMillrace, startMillrace, type Millrace } from './harness/millrace.ts';

/** Beyond a whole cycle of the vendor that fails for a while. */
const PATIENCE = { timeout: 90_000 };

let project: Project;
let server: Millrace;

beforeAll(async () => {
  project = await createProject();
  server = await startMillrace({ dir: project.dir, args: ['--demo'] });
});
afterAll(async () => {
  server.kill('SIGKILL');
  await server.exit;
  await project.remove();
});

interface Status {
  counts: { receivedCount: number; duplicateCount: number; refused: Record<string, number> };
  destinations: {
    id: string;
    deliveredCount: number;
    lagCount: number;
    filtered: Record<string, number>;
    dead: Record<string, number>;
  }[];
}

async function status(): Promise<Status> {
  return (await (await fetch(`${server.consoleUrl}/api/status`)).json()) as Status;
}
async function destination(id: string): Promise<Status['destinations'][number]> {
  return (await status()).destinations.find((one) => one.id === id)!;
}

describe('millrace dev --demo', () => {
  it('shows, soon after its start, everything that there is to see', async () => {
    await expect.poll(async () => (await status()).counts.receivedCount, PATIENCE).toBeGreaterThan(20);
    await expect.poll(async () => (await status()).counts.duplicateCount, PATIENCE).toBeGreaterThan(0);
    await expect
      .poll(async () => Object.keys((await status()).counts.refused).length, PATIENCE)
      .toBeGreaterThan(1);
    await expect.poll(async () => (await destination('archive')).deliveredCount, PATIENCE).toBeGreaterThan(0);
    await expect.poll(async () => (await destination('crm')).dead, PATIENCE).toHaveProperty('HTTP_422');
    await expect
      .poll(async () => (await destination('newsletter')).filtered, PATIENCE)
      .toHaveProperty('FILTERED_BY_INTEGRATIONS_OBJECT');
    // While its vendor fails it is only asked now and then: what is meant for it waits in the log.
    await expect.poll(async () => (await destination('newsletter')).lagCount, PATIENCE).toBeGreaterThan(20);
    await expect.poll(async () => (await destination('newsletter')).lagCount, PATIENCE).toBeLessThan(10);
  }, 180_000);

  it('refuses a config beside its own', async () => {
    const { code, stderr } = await runMillrace({ dir: project.dir, args: ['--demo', '--config', 'mine.ts'] });
    expect(code).toBe(1);
    expect(stderr).toMatch(/'--demo' cannot be used with option '--config <file>'/);
  });
});

/** What everybody who clones the repository gets. */
const IMAGE_MAX_BYTES = 200 * 1024;

/** Kept in the repository when `UPDATE_SCREENSHOTS=1`; otherwise made all the same, and thrown away. */
describeInBrowser('the page with a shop on it', () => {
  const images = fileURLToPath(new URL('../docs/images/', import.meta.url));
  let browser: Browser;
  let dir: string;

  beforeAll(async () => {
    browser = await openBrowser();
    dir = process.env['UPDATE_SCREENSHOTS'] === '1' ? images : await mkdtemp(join(tmpdir(), 'screenshots-'));
    await mkdir(dir, { recursive: true });
  });
  afterAll(async () => {
    await browser.close();
    if (dir !== images) await rm(dir, { recursive: true });
  });

  it.each([
    ['console-light', { colorScheme: 'light', viewport: { width: 1280, height: 720 } }, openOrder],
    ['console-dark', { colorScheme: 'dark', viewport: { width: 1280, height: 720 } }, refusedOnTop],
    ['console-narrow', { colorScheme: 'light', viewport: { width: 390, height: 720 } }, refusedOnTop],
  ] as const)(
    'is within its width and without a fault as %s',
    async (name, options, prepare) => {
      const page = await browser.newPage({ reducedMotion: 'reduce', ...options });
      const faults = faultsOf(page);
      await page.goto(server.consoleUrl);
      await rateShown(page);
      await prepare(page);
      const path = join(dir, `${name}.png`);
      await page.screenshot({ path });
      const { size } = await stat(path);
      if (dir === images && size > IMAGE_MAX_BYTES) throw new Error(`${name}.png has ${size} bytes`);
      expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0);
      expect(faults).toEqual([]);
      await page.close();
    },
    120_000,
  );
});

/** The first status has the counts, the second makes a rate of them. */
async function rateShown(page: Page): Promise<void> {
  await page.locator('.figure', { hasText: 'Events / s' }).getByText(/\d/).waitFor();
}

/** One that is in view, so that the list stays where it is. */
async function openOrder(page: Page): Promise<void> {
  const inView = page.locator('main li:nth-child(-n + 12)').getByRole('button');
  await inView
    .filter({ hasText: 'Order Completed', hasNot: page.locator('.chip') })
    .first()
    .click(PATIENCE);
}

async function refusedOnTop(page: Page): Promise<void> {
  await page.locator('main li:nth-child(-n + 8) .chip').first().waitFor(PATIENCE);
}

describe('millrace dev --demo, at its end', () => {
  it('stops cleanly on SIGINT, and has kept its data apart', async () => {
    server.kill('SIGINT');
    const { code, stderr } = await server.exit;
    expect(code).toBe(0);
    expect(stderr).toContain('.millrace/demo');
    expect((await project.ndjson('.millrace/demo/events')).length).toBeGreaterThan(0);
    await expect(stat(join(project.dir, '.millrace/log'))).rejects.toThrow('ENOENT');
  });

  it('goes on after a restart', async () => {
    server = await startMillrace({ dir: project.dir, args: ['--demo'] });
    const before = (await destination('archive')).deliveredCount;
    expect(before).toBeGreaterThan(0);
    await expect
      .poll(async () => (await destination('archive')).deliveredCount, PATIENCE)
      .toBeGreaterThan(before);
    expect((await server.stop()).code).toBe(0);
  });
});
