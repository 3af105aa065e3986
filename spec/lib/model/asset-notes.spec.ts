import { expect, test } from 'vitest';
import { readNotes } from '../../../lib/model/asset-notes.ts';
import { expectRefusal } from './refusal.ts';
import { untyped } from './untyped.ts';

test('notes are a group, a description and a record of metadata', () => {
  expect(() => readNotes({}, 'here')).not.toThrow();
  expect(() => readNotes({ group: 'g', description: 'd', metadata: { any: [] } }, 'here')).not.toThrow();
  expectRefusal(() => untyped(readNotes)({ group: 5 }, 'here'), 'INVALID_DEFINITION', 'here: "group" is a number', 'Give a string');
  expectRefusal(
    () => untyped(readNotes)({ meta: {} }, 'here'),
    'INVALID_DEFINITION',
    'here has no option "meta"',
    'Did you mean "metadata"?',
  );
});
