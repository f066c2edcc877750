import { existsSync } from 'node:fs';
import { chromium, type Browser, type Page } from 'playwright-core';
import { describe } from 'vitest';

const EXECUTABLE = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find((path) => existsSync(path));

/** No sandbox, since CI runs as root; and nothing that talks to the network by itself. */
const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-lcd-text',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

if (EXECUTABLE === undefined) {
  if (process.env['CI'] === 'true') throw new Error('no Chromium found; CI is to install it');
  process.stderr.write('skipped: no Chromium found\n');
}

/** `describe` where there is a Chromium; elsewhere skipped, and under `CI=true` a failure. */
export const describeInBrowser = EXECUTABLE === undefined ? describe.skip : describe;

/** With a profile of its own, which goes with it. */
export function openBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: EXECUTABLE!, args: ARGS });
}

/** Keeps what goes wrong inside the page: exceptions, and errors such as a breach of the content policy. */
export function faultsOf(page: Page): string[] {
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') faults.push(message.text());
  });
  return faults;
}
