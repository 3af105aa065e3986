import { appendFileSync, mkdtempSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asset, define, feed, input, live, source, type Feed, type LiveService } from 'sluice';
import { memoryStore } from 'sluice/store/memory';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { growingFile, type Line } from '../../examples/connectors/ndjson.ts';

const names = asset({
  key: 'names',
  codeVersion: '1',
  inputs: { lines: input<readonly string[]>() },
  run: ({ lines }) => lines.join(' '),
});
const definitions = define({ assets: [source<readonly string[]>('lines'), names] });

let folder: string;
let path: string;
let store = memoryStore();
let service: LiveService | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-ndjson-'));
  path = join(folder, 'names.ndjson');
  store = memoryStore();
});
afterEach(async () => {
  await service?.close().catch(() => undefined);
  service = undefined;
  rmSync(folder, { recursive: true, force: true });
});

const lines = (): Feed<readonly string[]> =>
  feed<readonly string[], Line<string>>({
    from: (context) => growingFile<string>({ path, pollMs: 1 }, context),
    offset: ({ offset }) => offset,
    fold: (known, { value }) => [...(known ?? []), value],
  });

async function start(): Promise<void> {
  // Its assets do not matter to those who close it.
  service = await live(definitions, { store, sources: { lines: lines() } });
}
const stop = async (): Promise<void> => service?.close();
const expectShown = (text: string): Promise<unknown> =>
  vi.waitFor(async () => expect(await store.value('names')).toBe(text), { timeout: 5000 });
const append = (...values: readonly string[]): void => appendFileSync(path, values.map((value) => `${JSON.stringify(value)}\n`).join(''));

test('reads what is there and what comes, and goes on behind it in another life', async () => {
  append('a', 'b');
  await start();
  await expectShown('a b');
  append('c');
  await expectShown('a b c');
  await stop();
  append('d');
  await start();
  await expectShown('a b c d');
});

test('waits for a file that is not there yet', async () => {
  await start();
  append('a');
  await expectShown('a');
});

test('waits for the rest of a line, also where it is cut within a character', async () => {
  const bytes = Buffer.from('"größe"\n');
  await start();
  appendFileSync(path, bytes.subarray(0, 4));
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(await store.value('names')).toBeUndefined();
  appendFileSync(path, bytes.subarray(4));
  await expectShown('größe');
});

test('reads lines that are longer than what is read at once, and looks past empty ones', async () => {
  const long = 'ö'.repeat(200_000);
  append(long);
  appendFileSync(path, '\n  \n');
  append('b');
  await start();
  await expectShown(`${long} b`);
});

test('reads a file that was truncated from its start', async () => {
  append('long enough', 'to be longer');
  await start();
  await expectShown('long enough to be longer');
  truncateSync(path);
  append('c');
  await expectShown('long enough to be longer c');
});

test.each([['while it reads'], ['while nobody reads']])('reads the rest of a file that is rotated %s, then the new one', async (when) => {
  append('a');
  await start();
  await expectShown('a');
  if (when !== 'while it reads') await stop();
  renameSync(path, `${path}.1`);
  appendFileSync(`${path}.1`, '"b"\n"c"');
  writeFileSync(path, '"d"\n');
  if (when !== 'while it reads') await start();
  await expectShown('a b c d');
  append('e');
  await expectShown('a b c d e');
});

test('fails where the file that it had not read to its end is gone', async () => {
  append('a');
  await start();
  await expectShown('a');
  await stop();
  // Two files at once, so that the new one is another file for sure.
  writeFileSync(`${path}.new`, '"z"\n');
  renameSync(`${path}.new`, path);
  await start();
  await expect(service?.closed).rejects.toThrow('that one is gone');
});

test('fails at a line that is no JSON, and says where', async () => {
  append('a');
  await start();
  await expectShown('a');
  appendFileSync(path, 'b\n');
  await expect(service?.closed).rejects.toThrow(/names\.ndjson that ends at byte 6 is no JSON/);
  expect(await store.value('names')).toBe('a');
});
