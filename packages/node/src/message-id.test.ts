import { MESSAGE_ID_MAX_CHARS } from '@millrace/spec';
import { expect, it } from 'vitest';
import { createMessageIds } from './message-id.ts';

it('makes ids of the form that analytics-node makes, never the same twice', () => {
  const nextId = createMessageIds();
  const ids = new Set(Array.from({ length: 1_000 }, () => nextId()));
  expect(ids.size).toBe(1_000);
  for (const id of ids) {
    expect(id).toMatch(/^node-[0-9a-f]{32}-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(id.length).toBeLessThanOrEqual(MESSAGE_ID_MAX_CHARS);
  }
  expect(new Set([...ids].map((id) => id.slice(5, 37))).size).toBe(1_000);
});
