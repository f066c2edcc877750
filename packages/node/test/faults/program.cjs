/**
 * A program that uses the built library while something goes wrong around it. Its settings are in
 * program.ts, as JSON on the command line; so is what it writes to stdout.
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
  writeSync(1, `${JSON.stringify({ called, handled: [...handled], flushRejects, memoryMb })}\n`);
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
trackFrom(0);

function trackFrom(first) {
  const end = Math.min(first + settings.perTick, settings.eventCount);
  for (let number = first; number < end; number += 1) {
    const event = { userId: 'u', event: `${settings.prefix}${number}`, properties };
    analytics.track(event, settings.callbacks ? (error) => count(error) : undefined);
  }
  setImmediate(() => {
    writeSync(1, `${end}\n`);
    if (end < settings.eventCount) setTimeout(trackFrom, 5, end);
    else if (settings.end === 'kill -9') process.kill(process.pid, 'SIGKILL');
    else if (settings.end === 'flush when told') process.stdin.on('end', flush).resume();
    else if (settings.end !== 'nothing') flush();
  });
  if (end === settings.eventCount && settings.end === 'process.exit()') {
    writeSync(1, `${end}\n`);
    process.exit();
  }
}

function count(error) {
  const code = error?.code ?? 'delivered';
  called[code] = (called[code] ?? 0) + 1;
}

function flush() {
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
