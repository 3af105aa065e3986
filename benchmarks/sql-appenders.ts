import { fdatasyncSync, closeSync, mkdirSync, openSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import type { Appender, Material } from './appender.ts';
import type { Row } from './appends.ts';
import { check } from './measure.ts';

/** Rows in one statement: as many as make it quick, and far fewer than it may have parameters. */
const ROWS_A_STATEMENT = 500;
const COLUMNS = 3;

/**
 * PGlite in a folder: one table with the same rows, one transaction a group. PostgreSQL is told to flush its log, and does; PGlite passes that on to
 * nobody, so the log's files are flushed here after each group, or it would be the only one whose groups a power cut may take. Made once,
 * since that takes seconds; `open` empties its table.
 */
export async function pglite(folder: string): Promise<Appender & { readonly end: () => Promise<void> }> {
  const database = await PGlite.create(folder, { startParams: PGlite.defaultStartParams.filter((each) => each !== '-F') });
  await database.exec('create table rows (name text, key bytea, value bytea, primary key (name, key))');
  const flushLog = (): void => {
    for (const name of readdirSync(join(folder, 'pg_wal'))) if (/^[0-9A-F]{24}$/.test(name)) flush(join(folder, 'pg_wal', name));
  };
  return {
    name: 'PGlite, one table of the same bytes',
    open: async (_, { rows }) => {
      await database.exec('truncate rows');
      return {
        append: async (from, to) => {
          const group = rows.slice(from, to).flat();
          await database.transaction(async (transaction) => {
            for (let start = 0; start < group.length; start += ROWS_A_STATEMENT) {
              const some = group.slice(start, start + ROWS_A_STATEMENT);
              await transaction.query(`insert into rows values ${places(some.length)}`, some.flatMap(columnsOf));
            }
          });
          flushLog();
        },
        check: async (count) => {
          const found = await database.query<{ readonly name: string; readonly key: Uint8Array; readonly value: Uint8Array }>(
            'select * from rows',
          );
          checkRows(found.rows, { rows }, count);
        },
        close: async () => undefined,
      };
    },
    end: () => database.close(),
  };
}

function flush(path: string): void {
  const file = openSync(path, 'r+');
  fdatasyncSync(file);
  closeSync(file);
}

function places(rows: number): string {
  const row = (index: number): string => `($${index * COLUMNS + 1},$${index * COLUMNS + 2},$${index * COLUMNS + 3})`;
  return Array.from({ length: rows }, (_, index) => row(index)).join(',');
}

function columnsOf({ table, key, value }: Row): readonly unknown[] {
  return [table, key, value];
}

function checkRows(
  found: readonly { readonly name: string; readonly key: Uint8Array; readonly value: Uint8Array }[],
  { rows }: Pick<Material, 'rows'>,
  count: number,
): void {
  const values = new Map(found.map(({ name, key, value }) => [`${name} ${Buffer.from(key).toString('hex')}`, Buffer.from(value)]));
  const given = rows.slice(0, count).flat();
  check(found.length === given.length, 'no row is missing');
  for (const { table, key, value } of given)
    check(values.get(`${table} ${key.toString('hex')}`)?.equals(value) === true, 'every row is as it was');
}

/** What both packages have that bring SQLite. */
interface Sqlite {
  exec(sql: string): unknown;
  prepare(sql: string): { run(...values: readonly unknown[]): unknown; all(): unknown };
  close(): void;
}

/**
 * SQLite in a file, with a flush for each transaction: of better-sqlite3 where that is installed, else the one that Node brings from 22.5 on;
 * `undefined` where there is neither.
 */
export function sqlite(): Appender | undefined {
  const found = findSqlite();
  if (found === undefined) return undefined;
  return {
    name: `SQLite (${found.name}), one table of the same bytes`,
    open: async (folder, { rows }) => {
      mkdirSync(folder);
      const database = found.open(join(folder, 'rows.db'));
      database.exec('pragma journal_mode = wal');
      database.exec('pragma synchronous = full');
      database.exec('create table rows (name text, key blob, value blob, primary key (name, key)) without rowid');
      const insert = database.prepare('insert into rows values (?, ?, ?)');
      return {
        append: (from, to) => {
          database.exec('begin immediate');
          for (let index = from; index < to; index += 1)
            for (const { table, key, value } of rows[index] ?? []) insert.run(table, key, value);
          database.exec('commit');
        },
        check: (count) => {
          // The three columns of the table.
          const all = database.prepare('select * from rows').all() as Parameters<typeof checkRows>[0];
          checkRows(all, { rows }, count);
        },
        close: async () => database.close(),
      };
    },
  };
}

function findSqlite(): { readonly name: string; readonly open: (path: string) => Sqlite } | undefined {
  // Neither has to be there, so neither is imported.
  const load = createRequire(import.meta.url);
  try {
    // It exports its class.
    const Database = load('better-sqlite3') as new (path: string) => Sqlite;
    // Whether its native part is there shows only now.
    new Database(':memory:').close();
    return { name: 'better-sqlite3', open: (path) => new Database(path) };
  } catch {
    try {
      // It exports its class under this name.
      const { DatabaseSync } = load('node:sqlite') as { readonly DatabaseSync: new (path: string) => Sqlite };
      return { name: 'node:sqlite', open: (path) => new DatabaseSync(path) };
    } catch {
      return undefined;
    }
  }
}
