import { expect, it } from 'vitest';
import { checkConfig } from '../config.ts';
import { demoConfig } from './config.ts';

it('has a config without mistakes, that survives JSON', () => {
  const config = demoConfig({ crmUrl: 'http://127.0.0.1:1/in', newsletterUrl: 'http://127.0.0.1:2/in' });
  const { sources, destinations } = checkConfig(JSON.parse(JSON.stringify(config)), 'demo.json', '/data');
  expect(sources.map(({ id }) => id)).toEqual(['website', 'api', 'app']);
  expect(destinations.map(({ id }) => id)).toEqual(['archive', 'crm', 'newsletter']);
  expect(destinations[0]!.settings).toEqual({ dir: '/data/events' });
});
