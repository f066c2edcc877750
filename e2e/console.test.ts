import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { describeInBrowser, faultsOf, openBrowser } from './harness/browser.ts';
import { configFor, createProject, type Project } from './harness/project.ts';
import { startMillrace, type Millrace } from './harness/millrace.ts';
import { startReceiver, type Receiver } from './harness/receiver.ts';

/** Retries of a destination included. */
const PATIENCE = { timeout: 30_000 };

const track = (event: string, more: object = {}): object => ({
  type: 'track',
  userId: 'ada',
  event,
  ...more,
});

describeInBrowser('the console in Chromium', () => {
  let browser: Browser;
  let project: Project;
  let receiver: Receiver;
  let server: Millrace;
  let page: Page;
  let faults: string[];

  beforeAll(async () => {
    browser = await openBrowser();
  });
  beforeEach(async () => {
    project = await createProject();
    receiver = await startReceiver();
    await project.writeConfig(configFor(receiver.url));
    server = await startMillrace({ mode: 'start', dir: project.dir });
    page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    faults = faultsOf(page);
    await page.goto(server.consoleUrl);
    await page.getByText('Waiting for events').waitFor();
    // Gone after a reload, and none may happen.
    await page.evaluate('window.sameDocument = true');
  });
  afterEach(async () => {
    try {
      await expectTheSamePage();
    } finally {
      await page.close();
      await server.stop();
      await receiver.close();
      await project.remove();
    }
  });
  afterAll(() => browser.close());

  async function expectTheSamePage(): Promise<void> {
    expect(await page.evaluate('window.sameDocument')).toBe(true);
    expect(faults).toEqual([]);
  }

  const list = (): Locator => page.locator('main').getByRole('list');
  const row = (text: string): Locator => list().getByRole('button').filter({ hasText: text });
  const details = (): Locator => page.getByRole('region', { name: 'Event details' });
  const search = (): Locator => page.getByRole('searchbox');
  const texts = (): Promise<string[]> => list().locator('.row-name').allTextContents();

  async function send(...batch: object[]): Promise<void> {
    const authorization = `Basic ${Buffer.from('shop-key:').toString('base64')}`;
    const headers = { authorization, 'content-type': 'application/json' };
    const body = JSON.stringify({ batch });
    expect((await fetch(`${server.trackingUrl}/v1/batch`, { method: 'POST', headers, body })).status).toBe(
      200,
    );
  }

  it('shows events as they arrive, the newest first', async () => {
    await send(track('First'));
    await row('First').waitFor();
    await send(track('Second'), { type: 'page', anonymousId: 'anon-1', name: 'Home' });
    await row('Home').waitFor();
    expect(await texts()).toEqual(['Home', 'Second', 'First']);
    expect(await row('First').textContent()).toContain('ada');
    expect(await row('First').textContent()).toContain('Shop');
    await expect.poll(() => figure('Received').textContent(), PATIENCE).toBe('3');
  });

  const figure = (name: string): Locator =>
    page
      .getByRole('region', { name: 'Since the server started' })
      .locator('div', { hasText: name })
      .locator('dd')
      .first();

  it('shows what was refused with its code, and duplicates', async () => {
    await send(
      track('Kept', { messageId: 'm-1' }),
      { type: 'track', event: 'Nobody’s' },
      track('Kept', { messageId: 'm-1' }),
    );
    await row('no_user_anon_id').waitFor();
    await row('duplicate').waitFor();
    await page.getByRole('button', { name: 'Refused', exact: true }).click();
    await expect.poll(texts, PATIENCE).toHaveLength(2);
    await row('no_user_anon_id').click();
    expect(await details().textContent()).toContain('the event has neither a userId nor an anonymousId');
    await expect.poll(() => figure('Refused').textContent(), PATIENCE).toBe('1');
    await expect.poll(() => figure('Duplicates').textContent(), PATIENCE).toBe('1');
  });

  it.each([
    ['user', 'grace', 'Invoice Paid'],
    ['event', 'order comp', 'Order Completed'],
    ['messageId', 'm-77', 'Signed Up'],
  ])('finds by %s what is loaded', async (_, query, found) => {
    await send(
      track('Order Completed'),
      track('Invoice Paid', { userId: 'grace' }),
      track('Signed Up', { messageId: 'm-77' }),
    );
    await row('Signed Up').waitFor();
    await search().fill(query);
    await expect.poll(texts, PATIENCE).toEqual([found]);
    await page.getByText('1 of 3 loaded').waitFor();
    await search().fill('');
    await expect.poll(texts, PATIENCE).toHaveLength(3);
  });

  it('shows an event in a pretty and in a raw view', async () => {
    await send(
      track('Order Completed', {
        messageId: 'm-9',
        properties: { total: 39.95, products: [{ sku: 'RYE-5' }] },
      }),
    );
    await row('Order Completed').click();
    const pretty = await details().innerText();
    for (const part of ['userId', 'ada', 'messageId', 'm-9', 'total', '39.95', 'RYE-5'])
      expect(pretty).toContain(part);
    await details().getByRole('button', { name: 'Raw' }).click();
    const raw: unknown = JSON.parse(await details().locator('pre').innerText());
    expect(raw).toMatchObject({
      type: 'track',
      messageId: 'm-9',
      properties: { total: 39.95, products: [{ sku: 'RYE-5' }] },
    });
  });

  it('shows what became of the events at each destination', async () => {
    await send(track('Delivered'), track('Filtered', { integrations: { hook: false } }));
    await expect
      .poll(() => figures('hook'), PATIENCE)
      .toEqual({ Delivered: 1, Pending: 0, Filtered: 1, Dead: 0 });
    receiver.answer(422);
    await send(track('Rejected'));
    await expect
      .poll(() => figures('hook'), PATIENCE)
      .toEqual({ Delivered: 1, Pending: 0, Filtered: 1, Dead: 1 });
    await tile('hook').getByLabel('Dead by code').getByText('HTTP_422').waitFor();
    receiver.answer(503);
    await send(track('Retried', { userId: 'grace' }));
    await expect
      .poll(() => figures('hook'), PATIENCE)
      .toEqual({ Delivered: 1, Pending: 1, Filtered: 1, Dead: 1 });
    receiver.answer(200);
    await expect
      .poll(() => figures('hook'), PATIENCE)
      .toEqual({ Delivered: 2, Pending: 0, Filtered: 1, Dead: 1 });
    // A storage destination takes no notice of the integrations object.
    await expect
      .poll(() => figures('disk'), PATIENCE)
      .toEqual({ Delivered: 4, Pending: 0, Filtered: 0, Dead: 0 });
  });

  const tile = (id: string): Locator => page.getByRole('article', { name: id });
  async function figures(id: string): Promise<Record<string, number>> {
    const names = await tile(id).locator('dt').allTextContents();
    const counts = await tile(id).locator('dd').allTextContents();
    return Object.fromEntries(names.map((name, index) => [name, Number(counts[index])]));
  }

  it('goes on when the server is killed and comes back', async () => {
    await send(track('Before'));
    await row('Before').waitFor();
    server.kill('SIGKILL');
    await server.exit;
    await page.getByRole('alert').getByText('The server cannot be reached').waitFor();
    const ports = [
      '--port',
      new URL(server.trackingUrl).port,
      '--console-port',
      new URL(server.consoleUrl).port,
    ];
    server = await startMillrace({ mode: 'start', dir: project.dir, args: ports });
    await page.getByText('Live', { exact: true }).waitFor();
    await send(track('After'));
    await row('After').waitFor();
    expect(await texts()).toEqual(['After', 'Before']);
    await expect.poll(() => page.getByRole('alert').textContent(), PATIENCE).toBe('');
    // The browser itself says that a server which is not there could not be reached.
    expect(faults.filter((fault) => !fault.includes('ERR_'))).toEqual([]);
    faults.length = 0;
  });

  it('holds the list still while paused', async () => {
    await send(track('Seen'));
    await row('Seen').waitFor();
    await page.getByRole('button', { name: 'Pause' }).click();
    await send(track('Held'));
    await page.getByRole('button', { name: 'Resume · 1 new' }).waitFor();
    expect(await texts()).toEqual(['Seen']);
    await page.getByRole('button', { name: /Resume/ }).click();
    await row('Held').waitFor();
  });

  it('can be used by the keyboard alone', async () => {
    await send(track('Older'), track('Newer'));
    await row('Older').waitFor();
    const focused = page.locator(':focus');
    await search().focus();
    for (const name of ['All', 'Received', 'Refused', 'Pause', 'Clear']) {
      await page.keyboard.press('Tab');
      expect(await focused.textContent()).toBe(name);
    }
    await page.keyboard.press('Tab');
    expect(await focused.textContent()).toContain('Newer');
    await page.keyboard.press('ArrowDown');
    await details().getByRole('heading', { name: 'Older' }).waitFor();
    await page.keyboard.press('Escape');
    await details().waitFor({ state: 'detached' });
    expect(await focused.textContent()).toContain('Older');
  });
});
