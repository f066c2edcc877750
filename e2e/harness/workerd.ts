import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The path of its binary, and the date up to which its behaviour is known. */
const { default: WORKERD, compatibilityDate } = createRequire(import.meta.url)('workerd') as {
  default: string;
  compatibilityDate: string;
};

/** A worker in the runtime that Cloudflare runs, as an open port of this machine. */
export interface Worker {
  url: string;
  /** What the runtime and the worker's console said. */
  output(): string;
  stop(): Promise<void>;
}

export interface WorkerOptions {
  /** Files by the name that imports give them; the first is the worker itself. */
  modules: Record<string, string>;
  variables: Record<string, string>;
}

export async function startWorker({ modules, variables }: WorkerOptions): Promise<Worker> {
  const dir = await mkdtemp(join(tmpdir(), 'millrace-worker-'));
  const files = Object.entries(modules).map(([name, from], index) => ({ name, from, to: `${index}.mjs` }));
  // `embed` takes files beside the config only.
  for (const { from, to } of files) await copyFile(from, join(dir, to));
  const named = files.map(({ name, to }) => `(name = "${name}", esModule = embed "${to}")`);
  const bound = Object.entries(variables).map(([name, text]) => `(name = "${name}", text = "${text}")`);
  await writeFile(
    join(dir, 'config.capnp'),
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "worker", worker = (
      modules = [${named.join(', ')}],
      bindings = [${bound.join(', ')}],
      compatibilityDate = "${compatibilityDate}",
    )),
    (name = "internet", network = (allow = ["private"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "worker")],
);
`,
  );

  const child = spawn(WORKERD, ['serve', 'config.capnp', '--verbose', '--control-fd=1'], {
    cwd: dir,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const closed = once(child, 'close');
  let output = '';
  const port = await new Promise<string>((resolve, reject) => {
    const hear = (chunk: Buffer): void => {
      output += chunk.toString();
      const listening = /"event":"listen".*"port":(\d+)/.exec(output);
      if (listening) resolve(listening[1]!);
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    void closed.then(() => reject(new Error(`workerd ended:\n${output}`)));
  });
  return {
    url: `http://127.0.0.1:${port}/`,
    output: () => output,
    stop: async () => {
      child.kill('SIGKILL');
      await closed;
      await rm(dir, { recursive: true, force: true });
    },
  };
}
