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

const TABLES = ['events', 'readable', 'settled', 'values', 'names'] as const;
const STEPS_A_RUN = 50;
const POSITION_BYTES = 6;
/** One for all, as runs have it. */
const NO_METADATA = Object.freeze({});

/**
 * So many appends of what a run records of one step: that it settled, and that its asset was materialized, with a value of 200 bytes. The assets take
 * turns.
 */
export function sampleAppends(count: number, assets = 50): readonly Append[] {
  return Array.from({ length: count }, (_, index) => appendOf(index, assets));
}

function valueOf(index: number): { readonly address: string; readonly bytes: Buffer } {
  const bytes = Buffer.alloc(200, `${index},`);
  return { address: `sha256:${hash('sha256', bytes)}`, bytes };
}

function appendOf(index: number, assets: number): Append {
  const name = `asset_${index % assets}`;
  const { address, bytes } = valueOf(index);
  const step = {
    runId: `run-${Math.floor(index / STEPS_A_RUN)}`,
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
        state: { state: 'value', version: valueOf(-1 - index).address },
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
    metadata: NO_METADATA,
    unexpected: false,
  };
  // Written by hand, as a store of one's own would meet it: keys and addresses are checked text.
  return { events: [settled, materialized], values: [{ address, bytes }] } as unknown as Append;
}

/** The rows that a store makes of each append, read back from one that did, and the row that says where the log ends. */
export async function rowsOfAppends(
  path: string,
  appends: readonly Append[],
): Promise<{ readonly rows: readonly (readonly Row[])[]; readonly state: Row }> {
  const store = await openStore(path);
  const ends: number[] = [];
  for (const { last } of await Promise.all(appends.map((append) => store.port.append(append)))) ends.push(last);
  await store.close();
  const root = open({ path, noSubdir: false, readOnly: true, maxDbs: 32, encoding: 'binary' });
  const found = new Map(
    TABLES.map((table) => [table, allRows(root.openDB({ name: table, encoding: 'binary', keyEncoding: 'binary' }), table)]),
  );
  const meta = root.openDB<Buffer, Buffer>({ name: 'meta', encoding: 'binary', keyEncoding: 'binary' });
  const state = allRows(meta, 'meta').find(({ key }) => key.toString() === 'state');
  await root.close();
  if (state === undefined) throw new Error('A store that was written to has no state.');
  const values = new Map(found.get('values')?.map((row) => [row.key.toString('hex'), row]));
  const names = found.get('names') ?? [];
  const byPosition = new Map<number, Row[]>();
  for (const table of ['events', 'readable', 'settled'] as const) {
    for (const row of found.get(table) ?? []) {
      const position = row.key.readUIntBE(row.key.length - POSITION_BYTES, POSITION_BYTES);
      byPosition.set(position, [...(byPosition.get(position) ?? []), row]);
    }
  }
  const rows = ends.map((last, index) => [
    ...(byPosition.get(last - 1) ?? []),
    ...(byPosition.get(last) ?? []),
    ...(appends[index]?.values ?? []).flatMap(({ address }) => values.get(address.slice('sha256:'.length)) ?? []),
    // Names are made once, by the first appends that use them.
    ...names.slice(index * 2, index * 2 + 2),
  ]);
  return { rows, state };
}

function allRows(table: { getRange: (options: object) => Iterable<{ key: Buffer; value: Buffer }> }, name: string): readonly Row[] {
  return [...table.getRange({})].map(({ key, value }) => ({ table: name, key: Buffer.from(key), value: Buffer.from(value) }));
}
