import { Client } from 'pg';
import { feed, type Feed, type FeedContext, type RetryPolicy } from 'sluice';

/** A row of an outbox table. */
export interface OutboxRow {
  /** `TRANSACTION.ID`: in which order rows became visible to this feed. */
  readonly offset: string;
  readonly payload: unknown;
}

/** Which outbox is a source, and of what. */
export interface PostgresOutboxOptions<T> {
  /** `postgres://USER@HOST:PORT/DATABASE` */
  readonly url: string;
  /** The next value of the source, from the one before and a row. */
  readonly fold: (current: T | undefined, row: OutboxRow) => T;
  /** How often to look although nobody called, in milliseconds; a second by default. */
  readonly pollMs?: number;
  /** When to connect again; by default without end, after 0.1 s, 0.2 s, 0.4 s, … up to ten seconds. */
  readonly restart?: RetryPolicy;
}

/** Makes the table. Writers insert `payload` in the transaction of whatever else they change, and everything else follows. */
export const OUTBOX_SCHEMA: string = `
  create table if not exists outbox (
    tx xid8 not null default pg_current_xact_id(),
    id bigint generated always as identity,
    payload jsonb not null,
    primary key (tx, id)
  );
  create or replace function outbox_notify() returns trigger language plpgsql as $$ begin notify outbox; return null; end $$;
  create or replace trigger outbox_notify after insert on outbox for each statement execute function outbox_notify();
`;

/**
 * Ids alone are no order to read by: the transaction that got id 4 may commit after the one that got 5, and who has read 5 by then looks for 4 no
 * more. So rows are read in the order of their transactions, and only those before the oldest one that still runs.
 */
const NEXT_ROWS = `
  select tx::text, id::text, payload from outbox
  where (tx, id) > ($1::text::xid8, $2::bigint) and tx < pg_snapshot_xmin(pg_current_snapshot())
  order by tx, id limit 500
`;

const PATIENT: RetryPolicy = { max: Number.MAX_SAFE_INTEGER, delayMs: 100, backoff: 'exponential', maxDelayMs: 10_000 };

/**
 * An outbox table as a feed. NOTIFY only wakes it: a notification that nobody heard is lost, and a row is not. Rows stay until somebody deletes them;
 * those at or before the source's offset are not asked for again.
 */
export function postgresOutbox<T>({ url, fold, pollMs = 1000, restart = PATIENT }: PostgresOutboxOptions<T>): Feed<T> {
  return feed<T, OutboxRow>({ from: (context) => rowsOf({ url, pollMs }, context), offset: ({ offset }) => offset, fold, restart });
}

async function* rowsOf(
  { url, pollMs }: { readonly url: string; readonly pollMs: number },
  { offset = '0.0', signal, clock }: FeedContext,
): AsyncGenerator<OutboxRow, void> {
  const client = new Client({ connectionString: url });
  const call = caller();
  client.on('notification', call.now);
  // The next query rejects with it.
  client.on('error', call.now);
  signal.addEventListener('abort', call.now, { once: true });
  try {
    await client.connect();
    await client.query('listen outbox');
    let last = offset;
    while (!signal.aborted) {
      // Whoever calls from here on is heard: a row that the query does not see yet comes with the next one.
      const called = call.next();
      const { rows } = await client.query<{ tx: string; id: string; payload: unknown }>(NEXT_ROWS, last.split('.'));
      for (const { tx, id, payload } of rows) {
        last = `${tx}.${id}`;
        yield { offset: last, payload };
      }
      if (rows.length > 0) continue;
      // A transaction that kept later ones waiting may end without a call.
      const stop = clock.timer(pollMs, call.now);
      await called;
      stop();
    }
  } finally {
    signal.removeEventListener('abort', call.now);
    await client.end().catch(() => undefined);
  }
}

/** Calls somebody who waits, once for any number of calls. */
function caller(): { readonly now: () => void; readonly next: () => Promise<void> } {
  let resolve = (): void => undefined;
  return { now: () => resolve(), next: () => new Promise((called) => (resolve = called)) };
}
