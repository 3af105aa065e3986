import type { PGliteInterface, Transaction } from '@electric-sql/pglite';
import type { SlackFile } from './slack-file.ts';

/** What storing came down to, in rows. */
export interface Stored {
  readonly rows: number;
  readonly added: number;
  readonly edited: number;
  readonly removed: number;
}

const CREATE = `
  create table if not exists slack_files (
    id text primary key,
    created timestamptz not null,
    name text not null,
    title text not null,
    mimetype text not null,
    filetype text not null,
    user_id text not null,
    size bigint not null,
    url_private text not null
  )`;

/** The files of the first parameter, as rows: one parameter however many there are. */
const GIVEN = `
  select id, to_timestamp(created), name, title, mimetype, filetype, "user", size, url_private
  from jsonb_to_recordset($1::jsonb) as given (
    id text, created bigint, name text, title text, mimetype text, filetype text, "user" text, size bigint, url_private text
  )`;

// Rows that are the same already are left alone: nothing is written for them, and no trigger fires.
const UPSERT = `
  insert into slack_files as known (id, created, name, title, mimetype, filetype, user_id, size, url_private) ${GIVEN}
  on conflict (id) do update set
    created = excluded.created, name = excluded.name, title = excluded.title, mimetype = excluded.mimetype,
    filetype = excluded.filetype, user_id = excluded.user_id, size = excluded.size, url_private = excluded.url_private
  where known is distinct from excluded`;

const REMOVE = 'delete from slack_files where id not in (select id from jsonb_to_recordset($1::jsonb) as given (id text))';

/** Makes the table hold these files and no others, in one transaction: a reader sees all of it or nothing. */
export function storeAll(db: PGliteInterface, files: readonly SlackFile[]): Promise<Stored> {
  const given = [JSON.stringify(files)];
  return db.transaction(async (transaction) => {
    await transaction.query(CREATE);
    const { affectedRows: removed = 0 } = await transaction.query(REMOVE, given);
    const before = await countRows(transaction);
    const { affectedRows: written = 0 } = await transaction.query(UPSERT, given);
    const rows = await countRows(transaction);
    return { rows, added: rows - before, edited: written - (rows - before), removed };
  });
}

/** The files in the table, newest first; none where there is no table yet. */
export async function readAll(db: PGliteInterface): Promise<readonly SlackFile[]> {
  const { rows: tables } = await db.query("select 1 where to_regclass('slack_files') is not null");
  if (tables.length === 0) return [];
  const { rows } = await db.query<SlackFile>(`
    select id, extract(epoch from created)::float8 as created, name, title, mimetype, filetype, user_id as "user", size::float8 as size, url_private
    from slack_files order by slack_files.created desc, id`);
  return rows;
}

async function countRows(transaction: Transaction): Promise<number> {
  const { rows } = await transaction.query<{ readonly count: number }>('select count(*)::int as count from slack_files');
  return rows[0]?.count ?? 0;
}
