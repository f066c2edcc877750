import { createServer, type Server } from 'node:http';
import { createReadStream } from 'node:fs';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { dirname, join, normalize } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { describeInBrowser, faultsOf, openBrowser } from './harness/browser.ts';
import { startMillrace, type Millrace } from './harness/millrace.ts';
import { configFor, createProject, type Project } from './harness/project.ts';
import { startReceiver, type Receiver } from './harness/receiver.ts';

const WAIT = { timeout: 20_000, interval: 20 };
const SDK_DIR = join(
  dirname(createRequire(import.meta.url).resolve('@segment/analytics-next/package.json')),
  'dist',
  'umd',
);

/** Segment's browser SDK as it is published; `cdnURL` is all that is changed. */
describeInBrowser("Segment's analytics-next in Chromium", () => {
  let project: Project;
  let receiver: Receiver;
  let server: Millrace;
  let site: Server;
  let browser: Browser;

  beforeAll(async () => {
    project = await createProject();
    receiver = await startReceiver();
    await project.writeConfig(configFor(receiver.url));
    server = await startMillrace({ mode: 'start', dir: project.dir });
    site = createServer((request, response) => {
      const path = normalize(request.url ?? '/');
      if (!path.startsWith('/sdk/')) {
        response.setHeader('content-type', 'text/html');
        response.end('<title>A shop</title><script src="/sdk/index.js"></script>');
        return;
      }
      response.setHeader('content-type', 'text/javascript');
      createReadStream(join(SDK_DIR, path.slice('/sdk/'.length)))
        .on('error', () => response.writeHead(404).end())
        .pipe(response);
    });
    await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
    browser = await openBrowser();
  });

  afterAll(async () => {
    await browser.close();
    site.closeAllConnections();
    site.close();
    await server.stop();
    await receiver.close();
    await project.remove();
  });

  /** A page of another origin than the server's, with the SDK loaded. */
  async function openPage(options: object = {}): Promise<{ page: Page; faults: string[] }> {
    const page = await browser.newPage();
    const faults = faultsOf(page);
    await page.goto(`http://localhost:${(site.address() as AddressInfo).port}/shop?utm_source=news`);
    await page.evaluate(
      async ([cdnURL, given]) => {
        const { AnalyticsBrowser } = (globalThis as unknown as BrowserSdk).AnalyticsNext;
        const analytics = AnalyticsBrowser.load({ writeKey: 'shop-key', cdnURL }, given);
        (globalThis as unknown as BrowserSdk).analytics = analytics;
        await analytics.ready();
      },
      [server.trackingUrl, options] as const,
    );
    return { page, faults };
  }

  const arrived = (...names: string[]) =>
    receiver.events().filter(({ type, event, name }) => names.includes(String(event ?? name ?? type)));

  it('delivers every call, with what it knows of the page', async () => {
    const { page, faults } = await openPage();
    const sent: Record<string, unknown>[] = [];
    page.on('request', (request) => {
      if (request.method() === 'POST') sent.push(request.postDataJSON() as Record<string, unknown>);
    });
    await page.evaluate(async () => {
      const { analytics } = globalThis as unknown as BrowserSdk;
      await analytics.identify('user-1', { plan: 'pro' });
      await analytics.track('Clicked', { price: 9.5 });
      await analytics.page('Docs', 'Home');
      await analytics.screen('Main');
      await analytics.group('group-1', { name: 'Team' });
      await analytics.alias('user-2', 'user-1');
    });
    const names = ['identify', 'Clicked', 'Home', 'Main', 'group', 'alias'];
    await vi.waitFor(() => expect(arrived(...names)).toHaveLength(6), WAIT);
    expect(arrived('Clicked')[0]).toMatchObject({
      type: 'track',
      userId: 'user-1',
      anonymousId: expect.any(String) as string,
      properties: { price: 9.5 },
      context: {
        ip: '127.0.0.1',
        campaign: { source: 'news' },
        library: { name: 'analytics.js' },
        page: { path: '/shop', title: 'A shop' },
        userAgent: expect.stringContaining('Chrome') as string,
      },
    });
    expect(arrived('Clicked')[0]).not.toHaveProperty('writeKey');
    expect(arrived('identify')[0]).toMatchObject({ userId: 'user-1', traits: { plan: 'pro' } });
    expect(arrived('Home')[0]).toMatchObject({ type: 'page', category: 'Docs' });
    expect(arrived('group')[0]).toMatchObject({ groupId: 'group-1', traits: { name: 'Team' } });
    // By then the SDK has put the id that it knows in the place of the new one: what it sent is what arrives.
    const { userId, previousId } = sent.find(({ type }) => type === 'alias')!;
    expect(arrived('alias')[0]).toMatchObject({ userId, previousId });
    expect(previousId).toBe('user-1');
    for (const { messageId } of sent)
      expect(receiver.events().map((event) => event['messageId'])).toContain(messageId);
    expect(faults).toEqual([]);
    await page.close();
  });

  it('delivers batches, and what is left when the page is closed', async () => {
    const deliveryStrategy = { strategy: 'batching', config: { size: 3, timeout: 60_000 } };
    const { page, faults } = await openPage({ integrations: { 'Segment.io': { deliveryStrategy } } });
    await page.evaluate(async () => {
      const { analytics } = globalThis as unknown as BrowserSdk;
      for (const n of [1, 2, 3, 4]) await analytics.track(`Batched ${n}`);
    });
    await vi.waitFor(() => expect(arrived('Batched 1', 'Batched 2', 'Batched 3')).toHaveLength(3), WAIT);
    expect(arrived('Batched 4')).toEqual([]);
    await page.goto('about:blank');
    await vi.waitFor(() => expect(arrived('Batched 4')).toHaveLength(1), WAIT);
    expect(faults).toEqual([]);
    await page.close();
  });

  it('sends again what was answered 503, with a header of its own', async () => {
    const { page } = await openPage();
    let failCount = 0;
    const retries: (string | undefined)[] = [];
    await page.route(`${server.trackingUrl}/v1/t`, async (route) => {
      const request = route.request();
      if (request.method() === 'POST') retries.push(request.headers()['x-retry-count']);
      if (request.method() === 'POST' && (failCount += 1) === 1) await route.fulfill({ status: 503 });
      else await route.continue();
    });
    await page.evaluate(() => void (globalThis as unknown as BrowserSdk).analytics.track('Retried'));
    await vi.waitFor(() => expect(arrived('Retried')).toHaveLength(1), WAIT);
    expect(retries).toEqual([undefined, '1']);
    await page.close();
  });
});

interface BrowserSdk {
  AnalyticsNext: {
    AnalyticsBrowser: {
      load(settings: { writeKey: string; cdnURL: string }, options: object): BrowserSdk['analytics'];
    };
  };
  analytics: Record<
    'identify' | 'track' | 'page' | 'screen' | 'group' | 'alias' | 'ready',
    (...args: unknown[]) => Promise<unknown>
  >;
}
