import { statSync } from 'node:fs';
import { join } from 'node:path';
import { open } from 'lmdb';
import { openStore } from 'sluice/store';
import { sampleAppends } from './appends.ts';
import type { Figure } from './benchmark.ts';
import { check, least } from './measure.ts';

const ASSETS = 10_000;
const APPENDS = 20_000;
const IN_FLIGHT = 1000;
const HEADER_BYTES = 5;
const TIMES = 7;

/** What it costs to read a store of 10,000 assets, each recorded twice, and how many bytes it takes. */
export async function readFigures(path: string): Promise<readonly Figure[]> {
  const appends = sampleAppends(APPENDS, ASSETS);
  const store = await openStore(path);
  for (let from = 0; from < APPENDS; from += IN_FLIGHT)
    await Promise.all(appends.slice(from, from + IN_FLIGHT).map((append) => store.port.append(append)));
  const head = await store.port.head();
  const keys = appends.slice(0, ASSETS).flatMap(({ events }) => events.flatMap((event) => ('key' in event ? [event.key] : [])));
  const latest = await least(async () => {
    const found = await store.port.readable(keys, head);
    check(found.length === ASSETS && found.every((event, index) => event?.key === keys[index]), 'every asset is there');
    check(
      found.every((event) => (event?.position ?? 0) > ASSETS * 2),
      'each is the latest',
    );
  }, TIMES);
  const one = await least(async () => check((await store.latest('asset_7')) !== undefined, 'the asset is there'), 200);
  const scan = await least(async () => {
    let seen = 0;
    for await (const event of store.events()) seen += event.position > 0 ? 1 : 0;
    check(seen === head, 'a scan sees every event');
  }, TIMES);
  await store.close();
  const bare = await bareScan(path, head);
  return [
    { name: 'latest events of 10,000 assets, one asset', value: (latest / ASSETS) * 1000, unit: 'µs' },
    { name: 'latest event of one asset, asked alone', value: one * 1000, unit: 'µs' },
    {
      name: 'scan of the whole log, one event',
      value: (scan / head) * 1000,
      unit: 'µs',
      against: { name: 'a bare range whose text is parsed', value: (bare.scan / head) * 1000 },
    },
    {
      name: 'on disk, one event with its indices and values',
      value: statSync(join(path, 'data.mdb')).size / head,
      unit: 'bytes',
      against: { name: 'keys and rows alone', value: bare.bytes / head },
    },
  ];
}

/** The least that a scan can do: every row of the table, and its JSON text parsed; and the bytes that all tables hold. */
async function bareScan(path: string, head: number): Promise<{ readonly scan: number; readonly bytes: number }> {
  const root = open({ path, noSubdir: false, readOnly: true, maxDbs: 32, encoding: 'binary' });
  const events = root.openDB<Buffer, Buffer>({ name: 'events', encoding: 'binary', keyEncoding: 'binary' });
  const scan = await least(() => {
    let seen = 0;
    for (const { value } of events.getRange({})) {
      const row: unknown = JSON.parse(value.toString('utf8', HEADER_BYTES));
      seen += Array.isArray(row) ? 1 : 0;
    }
    check(seen === head, 'the range has every event');
  }, TIMES);
  let bytes = 0;
  // All of them first: to open a table ends what reads the list.
  const names = [...root.getKeys()];
  for (const name of names) {
    const table = root.openDB<Buffer, Buffer>({ name: String(name), encoding: 'binary', keyEncoding: 'binary' });
    for (const { key, value } of table.getRange({})) bytes += key.length + value.length;
  }
  await root.close();
  return { scan, bytes };
}
