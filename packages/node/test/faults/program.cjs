/**
 * A program that uses the built library while something goes wrong around it. Its settings are in
 * program.ts, as JSON on the command line; what became of its events is the last thing that it writes.
 */
const dns = require('node:dns');
const { writeSync } = require('node:fs');
const Analytics = require('../../dist/index.cjs');

const settings = JSON.parse(process.argv[2]);
const called = {};
const handled = new Set();
let flushRejects;

process.on('exit', () => {
  const memoryMb = Math.round(process.resourceUsage().maxRSS / 1024);
  writeSync(1, JSON.stringify({ called, handled: [...handled], flushRejects, memoryMb }));
});

failLookups(settings.lookupFailsForMs);
for (const { atMs, offsetMs } of settings.clockJumps) {
  if (atMs === 0) setClock(offsetMs);
  else setTimeout(setClock, atMs, offsetMs);
}

const analytics = new Analytics('KEY', {
  host: settings.host,
  errorHandler: (error) => handled.add(error.code),
  ...settings.options,
});
const properties = { text: 'x'.repeat(settings.textBytes) };
for (let number = 0; number < settings.eventCount; number += 1) {
  analytics.track({ userId: 'u', event: `e${number}`, properties }, (error) => {
    const code = error?.code ?? 'delivered';
    called[code] = (called[code] ?? 0) + 1;
  });
}
if (settings.end !== 'nothing') {
  analytics.closeAndFlush({ timeout: settings.end.flushTimeoutMs }).catch((error) => {
    flushRejects = error.code;
  });
}

function failLookups(forMs) {
  if (forMs === 0) return;
  const { lookup } = dns;
  dns.lookup = (name, options, done) => {
    const error = new Error(`getaddrinfo ENOTFOUND ${name}`);
    process.nextTick(done, Object.assign(error, { code: 'ENOTFOUND' }));
  };
  // Infinity is null in JSON.
  if (forMs === null) return;
  const heal = () => {
    dns.lookup = (name, options, done) => lookup('127.0.0.1', options, done);
  };
  setTimeout(heal, forMs).unref();
}

function setClock(offsetMs) {
  const trueNow = Date.trueNow ?? Date.now;
  const Before = Date;
  globalThis.Date = class extends Before {
    static trueNow = trueNow;
    static now() {
      return trueNow() + offsetMs;
    }
    constructor(...given) {
      if (given.length > 0) super(...given);
      else super(trueNow() + offsetMs);
    }
  };
}
