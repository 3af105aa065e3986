import { hash } from 'node:crypto';
import { open } from 'lmdb';
import type { Store } from 'sluice';
import { openStore } from 'sluice/store';

/** What one append adds. */
export type Append = Parameters<Store['port']['append']>[0];

/** A row of a table, in bytes. */
export interface Row {
  readonly table: string;
  readonly key: Buffer;
  readonly value: Buffer;
}

const ASSETS = 50;
const TABLES = ['events', 'readable', 'settled', 'values', 'names'] as const;
const POSITION_BYTES = 6;

/** So many appends of what a run records of one step: that it settled, and that its asset was materialized, with a value of 200 bytes. */
export function sampleAppends(count: number): readonly Append[] {
  return Array.from({ length: count }, (_, index) => appendOf(index));
}

function appendOf(index: number): Append {
  const name = `asset_${index % ASSETS}`;
  const bytes = Buffer.alloc(200, String(index));
  const address = `sha256:${hash('sha256', bytes)}`;
  const step = {
    runId: `run-${Math.floor(index / ASSETS)}`,
    time: 1_700_000_000_000 + index,
    definition: 'sample',
    step: `make_${name}`,
    op: 'make',
    codeVersion: '1',
    config: null,
    inputs: [
      {
        input: 'rows',
        kind: 'value',
        origin: { from: 'asset', key: 'rows' },
        state: { state: 'value', version: address },
        position: index + 1,
      },
    ],
  };
  const settled = {
    type: 'step-settled',
    ...step,
    outcome: 'succeeded',
    outputs: [{ output: 'result', state: { state: 'value', version: address }, address: null }],
    error: null,
    blockedBy: [],
    attempts: 1,
    stateAddress: null,
    dropped: [],
  };
  const materialized = {
    type: 'asset-materialized',
    ...step,
    output: 'result',
    key: name,
    partition: null,
    version: address,
    address,
    metadata: {},
    unexpected: false,
  };
  // Written by hand, as a store of one's own would meet it: keys and addresses are checked text.
  return { events: [settled, materialized], values: [{ address, bytes }] } as unknown as Append;
}

/** The rows that a store makes of each append, read back from one that did. */
export async function rowsOfAppends(path: string, appends: readonly Append[]): Promise<readonly (readonly Row[])[]> {
  const store = await openStore(path);
  const ends: number[] = [];
  for (const { last } of await Promise.all(appends.map((append) => store.port.append(append)))) ends.push(last);
  await store.close();
  const root = open({ path, noSubdir: false, readOnly: true, maxDbs: 32, encoding: 'binary' });
  const found = new Map(
    TABLES.map((table) => [table, allRows(root.openDB({ name: table, encoding: 'binary', keyEncoding: 'binary' }), table)]),
  );
  await root.close();
  const values = new Map(found.get('values')?.map((row) => [row.key.toString('hex'), row]));
  const names = found.get('names') ?? [];
  const byPosition = new Map<number, Row[]>();
  for (const table of ['events', 'readable', 'settled'] as const) {
    for (const row of found.get(table) ?? []) {
      const position = row.key.readUIntBE(row.key.length - POSITION_BYTES, POSITION_BYTES);
      byPosition.set(position, [...(byPosition.get(position) ?? []), row]);
    }
  }
  return ends.map((last, index) => [
    ...(byPosition.get(last - 1) ?? []),
    ...(byPosition.get(last) ?? []),
    ...(appends[index]?.values ?? []).flatMap(({ address }) => values.get(address.slice('sha256:'.length)) ?? []),
    // Names are made once, by the first appends that use them.
    ...names.slice(index * 2, index * 2 + 2),
  ]);
}

function allRows(table: { getRange: (options: object) => Iterable<{ key: Buffer; value: Buffer }> }, name: string): readonly Row[] {
  return [...table.getRange({})].map(({ key, value }) => ({ table: name, key: Buffer.from(key), value: Buffer.from(value) }));
}
