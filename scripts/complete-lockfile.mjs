/**
 * Adds to package-lock.json what `npm install` leaves out: optional packages for other platforms
 * that the registry in use does not carry, or that npm forgot since they were not installed
 * (npm/cli#4828). Without them `npm ci` calls the lock file out of sync. Run it after a change of
 * dependencies: node scripts/complete-lockfile.mjs [folder]
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const file = join(process.argv[2] ?? '.', 'package-lock.json');
const lock = JSON.parse(readFileSync(file, 'utf8'));

const SYSTEMS = ['android', 'darwin', 'freebsd', 'linux', 'openharmony', 'win32'];
const PROCESSORS = ['arm64', 'arm', 'ia32', 'loong64', 'ppc64', 'riscv64', 's390x', 'x64', 'wasm32'];

/** Prebuilt binaries are named after their platform, such as `linux-x64-musl`. */
function platformOf(name) {
  const words = name.split(/[/-]/);
  const os = SYSTEMS.find((system) => words.includes(system));
  const cpu = PROCESSORS.find((processor) => words.includes(processor));
  if (!os || !cpu) return undefined;
  const libc = words.includes('musl') ? ['musl'] : words.includes('gnu') ? ['glibc'] : undefined;
  return { cpu: [cpu], os: [os], ...(libc && { libc }) };
}

const added = [];
for (const [path, entry] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const isThere = lock.packages[`node_modules/${name}`] ?? lock.packages[`${path}/node_modules/${name}`];
    const platform = platformOf(name);
    if (isThere || !platform) continue;
    const { cpu, os, libc } = platform;
    const flags = { ...(entry.dev && { dev: true }), ...(libc && { libc }), optional: true, os };
    lock.packages[`node_modules/${name}`] = { version, cpu, ...flags };
    added.push(name);
  }
}

lock.packages = Object.fromEntries(
  Object.entries(lock.packages).toSorted(([a], [b]) => a.localeCompare(b, 'en')),
);
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
process.stdout.write(
  `${added.length} optional packages added${added.map((name) => `\n  ${name}`).join('')}\n`,
);
