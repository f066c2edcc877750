import { createRequire } from 'node:module';
import Default, { Analytics } from '@millrace/node';

const required = createRequire(import.meta.url)('@millrace/node');

process.stdout.write(
  JSON.stringify({
    name: required.name,
    flushAt: new required('KEY').flushAt,
    requiredDefault: required.default === required,
    requiredNamed: required.Analytics === required,
    importedDefault: Default === required,
    importedNamed: Analytics === required,
  }),
);
