import { describe, expect, it } from 'vitest';
import { safeDetails } from './failure.ts';

describe('safeDetails', () => {
  it('says name, code and place', () => {
    const error = Object.assign(new TypeError('no'), { code: 'ERR_ODD' });
    const details = safeDetails(error);
    expect(details).toMatchObject({ name: 'TypeError', code: 'ERR_ODD' });
    expect(details.at[0]).toContain('failure.test.ts');
  });

  it('leaves out the message, also where it looks like a stack frame', () => {
    const error = new Error('ada@example.com\n    at ada@example.com', {
      cause: new Error('ada@example.com'),
    });
    expect(JSON.stringify(safeDetails(error))).not.toContain('ada@');
  });

  it('names the cause', () => {
    const cause = Object.assign(new Error('x'), { code: 'EACCES' });
    expect(safeDetails(new Error('y', { cause })).cause).toBe('Error EACCES');
  });

  it('takes whatever was thrown', () => {
    expect(safeDetails('words')).toEqual({ name: 'string', at: [] });
    expect(safeDetails(null)).toEqual({ name: 'object', at: [] });
  });
});
