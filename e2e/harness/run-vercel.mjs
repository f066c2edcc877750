// Calls a route as a Vercel function: what it hands to waitUntil reaches the platform through the
// request context, and keeps the process after the answer; once that is done, the process is gone.
const pending = [];
globalThis[Symbol.for('@vercel/request-context')] = {
  get: () => ({ waitUntil: (promise) => pending.push(promise) }),
};

const [, , route, body] = process.argv;
const { POST } = await import(route);
const answer = await POST(new Request('https://shop.example.com/api/orders', { method: 'POST', body }));
process.stdout.write(`answered ${answer.status} ${await answer.text()}\n`);
await Promise.all(pending);
process.kill(process.pid, 'SIGKILL');
