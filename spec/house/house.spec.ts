import { describe, expect, test } from 'vitest';
import { projectFiles } from './project.ts';
import { printFinding, type Rule } from './rule.ts';
import { casts } from './rules/casts.ts';
import { cycles } from './rules/cycles.ts';
import { doors } from './rules/doors.ts';
import { environment } from './rules/environment.ts';
import { errorCodes } from './rules/error-codes.ts';
import { exports } from './rules/exports.ts';
import { floors } from './rules/floors.ts';
import { length } from './rules/length.ts';
import { machine } from './rules/machine.ts';
import { names } from './rules/names.ts';
import { packages } from './rules/packages.ts';
import { words } from './rules/words.ts';
import { sourceFile, type SourceFile } from './source-file.ts';

const rules: readonly Rule[] = [floors, packages, cycles, doors, names, exports, length, casts, words, environment, errorCodes, machine];

const made = (files: Readonly<Record<string, string>>): readonly SourceFile[] =>
  Object.entries(files).map(([path, text]) => sourceFile(path, text));

describe('the house rules hold', () => {
  const files = projectFiles();

  for (const { name, check } of rules) {
    test(name, () => {
      expect(check(files).map(printFinding)).toEqual([]);
    });
  }
});

describe('a house rule that cannot fail is noticed', () => {
  for (const { name, check, bad, good = {} } of rules) {
    for (const [index, { files, found }] of bad.entries()) {
      test(`${name}: finds ${found.join(' and ')} (${index + 1})`, () => {
        expect(check(made(files)).map(({ path, line }) => `${path}:${line}`)).toEqual(found);
      });
    }
    test(`${name}: is content with what only looks alike`, () => {
      expect(check(made(good)).map(printFinding)).toEqual([]);
    });
  }
});
