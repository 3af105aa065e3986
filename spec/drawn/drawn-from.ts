import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { crc32 } from 'node:zlib';

const root = resolve(import.meta.dirname, '../..');

/**
 * A word for the sources as they are, specs included: what random cases are drawn from. The same sources get the same cases wherever they
 * are tried, so that a test fails by what was changed and never by luck; every change draws others.
 */
export function wordOfSources(): string {
  const files = ['lib', 'operators', 'store', 'spec'].flatMap((folder) =>
    readdirSync(resolve(root, folder), { recursive: true, encoding: 'utf8' }).map((path) => `${folder}/${path.replaceAll('\\', '/')}`),
  );
  const sources = ['index.ts', ...files.filter((path) => path.endsWith('.ts'))].toSorted();
  return String(sources.reduce((before, path) => crc32(readFileSync(resolve(root, path)), crc32(path, before)), 0));
}

/** The seed of a test, so that tests which draw alike do not all draw the same. */
export function seedOf(word: string, test: string): number {
  return Math.trunc(crc32(`${word} ${test}`) / 2);
}
