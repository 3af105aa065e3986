import { closeSync, fdatasyncSync, fstatSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { open } from 'lmdb';
import { openStore } from 'sluice/store';
import type { Appender, Material, Place } from './appender.ts';
import type { Row } from './appends.ts';
import { check } from './measure.ts';

/**
 * The store itself. What is in flight is asked for in one turn of the event loop. It forgets nothing: the others do not either, and what that costs is
 * a figure of its own.
 */
export const sluice: Appender = {
  name: 'Sluice',
  open: async (folder, { appends }) => {
    const store = await openStore(folder, { retention: false });
    const { port } = store;
    return {
      append: (from, to) => Promise.all(appends.slice(from, to).map((append) => port.append(append))),
      check: async (count) => {
        const wanted = appends.slice(0, count);
        const events = wanted.flatMap((append) => append.events);
        const read = await port.read(1, Infinity);
        check(read.length === events.length, 'every event was appended');
        for (const [index, { type, position }] of read.entries())
          check(position === index + 1 && type === events[index]?.type, 'positions have no gap, and events their order');
        const values = wanted.flatMap((append) => append.values);
        const kept = await port.values(values.map(({ address }) => address));
        for (const [index, bytes] of kept.entries())
          check(bytes !== undefined && Buffer.compare(bytes, values[index]?.bytes ?? Buffer.alloc(0)) === 0, 'every value was kept');
      },
      close: () => store.close(),
    };
  },
};

/** Everything that a store writes, without being one: the same rows into the same tables, one transaction a group. */
export const sameRows: Appender = {
  name: 'bare transactionSync of the same rows',
  open: async (folder, material) => bare(folder, material, (row) => [row]),
};

/** The events alone: no index, no value, no row that says where the log ends. */
export const eventRows: Appender = {
  name: 'bare transactionSync of the rows of events alone',
  open: async (folder, { appends, rows }) =>
    bare(folder, { appends, rows, state: undefined }, (row) => (row.table === 'events' ? [row] : [])),
};

type Bare = Omit<Material, 'state'> & { readonly state: Row | undefined };

function bare(folder: string, { rows, state }: Bare, choose: (row: Row) => readonly Row[]): Place {
  const root = open({ path: folder, noSubdir: false, overlappingSync: false, eventTurnBatching: false, maxDbs: 32, encoding: 'binary' });
  const chosen = rows.map((each) => each.flatMap(choose));
  const names = new Set([...chosen.flat(), ...(state === undefined ? [] : [state])].map(({ table }) => table));
  const tables = new Map(
    [...names].map((name) => [name, root.openDB<Buffer, Buffer>({ name, encoding: 'binary', keyEncoding: 'binary' })]),
  );
  // Found before: to look for a table by its name would be time that nobody else takes.
  const puts = chosen.map((each) => each.flatMap((row) => ({ table: tables.get(row.table) ?? root, key: row.key, value: row.value })));
  const stateTable = tables.get(state?.table ?? '');
  return {
    append: (from, to) =>
      root.transactionSync(() => {
        for (let index = from; index < to; index += 1) for (const { table, key, value } of puts[index] ?? []) table.putSync(key, value);
        if (state !== undefined) stateTable?.putSync(state.key, state.value);
      }),
    check: (count) => {
      for (const { table, key, value } of chosen.slice(0, count).flat())
        check(tables.get(table)?.get(key)?.equals(value) === true, 'every row was put');
    },
    close: () => root.close(),
  };
}

/** The least that a disk asks for: the bytes of a group after one another in a file, and one flush. */
export const plainFile: Appender = {
  name: 'a plain file of the same bytes, fdatasync',
  open: async (folder, { rows }) => {
    mkdirSync(folder);
    const file = openSync(join(folder, 'rows'), 'w');
    const bytes = rows.map((each) => Buffer.concat(each.flatMap(({ key, value }) => [key, value])));
    return {
      append: (from, to) => {
        writeSync(file, Buffer.concat(bytes.slice(from, to)));
        fdatasyncSync(file);
      },
      check: (count) => {
        const size = bytes.slice(0, count).reduce((sum, { length }) => sum + length, 0);
        check(fstatSync(file).size === size, 'every byte is in the file');
      },
      close: async () => closeSync(file),
    };
  },
};
