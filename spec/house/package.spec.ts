import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import config from '../../vitest.config.ts';
import { root } from './project.ts';
import { doorFiles } from './rules/doors.ts';
import { tokenize } from './tokens.ts';

interface Manifest {
  readonly version: string;
  readonly exports: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

/** JSON with comments and trailing commas, as the compiler reads it. */
function readJson<T>(path: string): T {
  const code = tokenize(readFileSync(join(root, path), 'utf8')).filter(({ kind }) => kind !== 'comment');
  const text = code.map((token) => token.text).join(' ');
  return JSON.parse(text.replaceAll(/, ([}\]])/g, '$1')) as T;
}

describe('the package', () => {
  const manifest = readJson<Manifest>('package.json');

  test('exports the five doors and its own description', () => {
    const built = Object.entries(doorFiles).map(([name, file]) => [name.replace('sluice', '.'), `./dist/${file.replace(/\.ts$/, '.js')}`]);
    expect(manifest.exports).toEqual({ ...Object.fromEntries(built), './package.json': './package.json' });
  });

  test('has the same doors for the compiler and for the specs', () => {
    const { compilerOptions } = readJson<{ compilerOptions: { paths: Record<string, string[]> } }>('tsconfig.json');
    const wanted = Object.entries(doorFiles);
    expect(compilerOptions.paths).toEqual(Object.fromEntries(wanted.map(([name, file]) => [name, [`./${file}`]])));

    const aliases = config.resolve?.alias;
    if (!Array.isArray(aliases)) throw new Error('vitest.config.ts names its aliases in a list');
    for (const [name, file] of wanted) {
      const matching = aliases.filter(({ find }) => (typeof find === 'string' ? find === name : find.test(name)));
      expect(matching.map(({ replacement }) => replacement)).toEqual([join(root, file)]);
    }
  });

  test('pins what it installs, and the lock says the same', () => {
    const { packages } = readJson<{ packages: Record<string, Manifest> }>('package-lock.json');
    for (const kind of ['dependencies', 'devDependencies'] as const) {
      const loose = Object.entries(manifest[kind]).filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version));
      expect(loose).toEqual([]);
      expect(packages['']?.[kind]).toEqual(manifest[kind]);
      for (const [name, version] of Object.entries(manifest[kind])) expect(packages[`node_modules/${name}`]?.version, name).toBe(version);
    }
  });
});
