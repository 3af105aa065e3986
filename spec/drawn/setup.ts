import fc from 'fast-check';
import { beforeEach } from 'vitest';
import { seedOf } from './drawn-from.ts';

const word = process.env['SLUICE_CASES'] ?? '';

beforeEach(({ task }) => {
  fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: seedOf(word, task.fullName) });
});
