jest.mock('@millrace/node');
const Analytics = require('@millrace/node');

test('an automatic mock has the methods of the class', () => {
  const analytics = new Analytics.default('KEY');
  analytics.track({ nothing: 'is validated' });
  const [instance] = Analytics.mock.instances;
  expect(instance).toBe(analytics);
  expect(instance.track).toHaveBeenCalledWith({ nothing: 'is validated' });
  for (const method of ['identify', 'page', 'screen', 'group', 'alias', 'flush', 'closeAndFlush', 'on']) {
    expect(jest.isMockFunction(analytics[method])).toBe(true);
  }
});
