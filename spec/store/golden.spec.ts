import { existsSync, readdirSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { StorePort } from '../../lib/events/store-port.ts';
import { livePort } from '../../lib/events/tail.ts';
import { openLmdb } from '../../store/lmdb-environment.ts';
import { openStore } from '../../store/open-store.ts';
import { FORMAT, META, OLDEST_FORMAT, type Tables } from '../../store/tables.ts';
import { openValueRow } from '../../store/value-rows.ts';
import { verifyStore } from '../../store/verify.ts';
import { materialized, sampleKey, sampleValue, sourceObserved } from '../kit/sample-events.ts';
import { newFolder } from './folder.ts';
import { CURSORS } from './golden/contents.ts';
import { describeStore, type Description } from './golden/describe.ts';

const golden = join(import.meta.dirname, 'golden');
const formats = readdirSync(golden).flatMap((name) => /^format-(\d+)$/.exec(name)?.[1] ?? []);

/** A copy of a golden store, and what has to come out of it. */
async function goldenStore(format: string): Promise<{ readonly folder: string; readonly expected: Description }> {
  const folder = await newFolder();
  const from = join(golden, `format-${format}`);
  await writeFile(join(folder, 'data.mdb'), gunzipSync(await readFile(join(from, 'data.mdb.gz'))));
  // Written by describeStore.
  return { folder, expected: JSON.parse(await readFile(join(from, 'description.json'), 'utf8')) as Description };
}

async function described(port: StorePort): Promise<unknown> {
  // As text and back: what is undefined is left out, as in the description.
  const description = await describeStore(livePort(port), CURSORS);
  return JSON.parse(JSON.stringify(description));
}

async function lookInto<Result>(folder: string, look: (tables: Tables) => Result): Promise<Result> {
  const environment = await openLmdb(folder, { writable: false, label: 'looking' });
  try {
    return look(environment.tables);
  } finally {
    await environment.close();
  }
}

const formatOf = (folder: string): Promise<string | undefined> => lookInto(folder, ({ meta }) => meta.get(META.format)?.toString());

test('there is a golden store of every format that this version reads', () => {
  const known = Array.from({ length: FORMAT + 1 - OLDEST_FORMAT }, (_, index) => String(OLDEST_FORMAT + index));
  expect(formats.toSorted()).toEqual(known);
  for (const format of known) expect(existsSync(join(golden, `format-${format}`, 'data.mdb.gz'))).toBe(true);
});

test('the golden store of this format has values in every form, and what a prune leaves', async () => {
  const { folder } = await goldenStore(String(FORMAT));
  const kinds = await lookInto(folder, ({ values }) => {
    const rows = [...values.getKeys({})].map((key) => openValueRow(values.get(key) ?? Buffer.alloc(0), key, 'looking').kind);
    return [...new Set(rows)].toSorted();
  });
  expect(kinds).toEqual(['chunks', 'patch', 'removed', 'whole']);
  const store = await openStore(folder, { mode: 'read' });
  expect((await store.port.read(1, Infinity)).map(({ type }) => type)).toContain('removed');
  await store.close();
});

describe.each(formats)('the golden store of format %s', (format) => {
  test('is read as it was written, and stays as it is', async () => {
    const { folder, expected } = await goldenStore(format);
    const before = await readFile(join(folder, 'data.mdb'));
    const store = await openStore(folder, { mode: 'read' });
    expect(await described(store.port)).toMatchObject(expected);
    await store.close();
    expect((await readFile(join(folder, 'data.mdb'))).equals(before)).toBe(true);
    expect(await formatOf(folder)).toBe(`sluice-store ${format}`);
    expect(await verifyStore(folder)).toMatchObject({ ok: true, head: expected.head });
  });

  test('is brought to the format of this version by who opens it to write, and goes on', async () => {
    const { folder, expected } = await goldenStore(format);
    let store = await openStore(folder);
    expect(await formatOf(folder)).toBe(`sluice-store ${FORMAT}`);
    expect(await described(store.port)).toMatchObject(expected);
    const value = sampleValue('z'.repeat(300_000));
    const added = [sourceObserved('value 0', { address: value.address }), materialized('a', { address: null })];
    const { first } = await store.port.append({ events: added, values: [value], id: 'added' });
    expect(first).toBe(expected.head + 1);
    await store.close();
    expect(await verifyStore(folder)).toMatchObject({ ok: true, head: expected.head + 2 });
    store = await openStore(folder);
    expect((await store.port.read(1, Infinity)).slice(first - 1)).toMatchObject([
      { type: 'source-observed' },
      { type: 'asset-materialized' },
    ]);
    expect((await store.port.values([value.address]))[0]?.length).toBe(value.bytes.length);
    expect(await store.port.readable(['value 0', 'a'].map(sampleKey), Infinity)).toMatchObject([
      { position: first },
      { position: first + 1 },
    ]);
    expect(await store.port.append({ events: added, values: [value], id: 'added' })).toMatchObject({ first, duplicate: true });
    await store.close();
  });
});
