import { Client } from 'pg';
import { asset, define, input, live, source } from 'sluice';
import { memoryStore } from 'sluice/store/memory';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { OUTBOX_SCHEMA, postgresOutbox } from '../../examples/connectors/postgres-notify.ts';
import { postgresPrograms, startPostgres, type PostgresServer } from './postgres-server.ts';

const programs = postgresPrograms();
const absent = programs === undefined;

const names = asset({
  key: 'names',
  codeVersion: '1',
  inputs: { orders: input<readonly string[]>() },
  run: ({ orders }) => orders.join(' '),
});
const definitions = define({ assets: [source<readonly string[]>('orders'), names] });

describe.skipIf(absent)(`an outbox table of PostgreSQL as a source${absent ? ' (skipped: postgresql is not installed)' : ''}`, () => {
  let server: PostgresServer;
  let [store, writers] = [memoryStore(), new Array<Client>()];
  let closeService = (): Promise<void> => Promise.resolve();

  beforeAll(async () => {
    server = await startPostgres(programs ?? '');
  });
  beforeEach(async () => {
    store = memoryStore();
    writers = [await connect(), await connect()];
    await query(0, `drop table if exists outbox; ${OUTBOX_SCHEMA}`);
  });
  afterEach(async () => {
    await closeService();
    await Promise.all(writers.map((writer) => writer.end()));
  });
  afterAll(() => server?.stop());

  async function connect(): Promise<Client> {
    const client = new Client({ connectionString: server.url });
    client.on('error', () => undefined);
    await client.connect();
    return client;
  }

  const query = async (writer: number, text: string): Promise<unknown> => writers[writer]?.query(text);
  const insert = (writer: number, name: string): Promise<unknown> =>
    query(writer, `insert into outbox (payload) values ('{"name": "${name}"}')`);
  // A minute between two looks: what is seen before was called for.
  async function start(pollMs = 60_000): Promise<void> {
    const nameOf = (payload: unknown): string => (payload as { readonly name: string }).name;
    const orders = postgresOutbox<readonly string[]>({
      url: server.url,
      pollMs,
      fold: (known, { payload }) => [...(known ?? []), nameOf(payload)],
    });
    const service = await live(definitions, { store, sources: { orders } });
    closeService = () => service.close();
  }
  const expectShown = (text: string): Promise<unknown> =>
    vi.waitFor(async () => expect(await store.value('names')).toBe(text), { timeout: 60_000 });

  test('gives what is there, what comes when it is called, and in another life what came meanwhile', async () => {
    await insert(0, 'a');
    await start();
    await expectShown('a');
    await insert(0, 'b');
    await expectShown('a b');
    await closeService();
    await insert(0, 'c');
    await start();
    await expectShown('a b c');
  });

  test('gives nothing of a transaction that is rolled back', async () => {
    await start();
    await query(0, 'begin');
    await insert(0, 'a');
    await query(0, 'rollback');
    await insert(0, 'b');
    await expectShown('b');
  });

  test('leaves out no row whose transaction began before and was committed after that of another one', async () => {
    await start(20);
    await query(0, 'begin');
    await insert(0, 'early');
    await insert(1, 'late');
    // It would be seen by now.
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(await store.value('names')).toBeUndefined();
    await query(0, 'commit');
    await expectShown('early late');
  });

  test('is connected to again where its connection was cut', async () => {
    await insert(0, 'a');
    await start();
    await expectShown('a');
    await query(
      0,
      "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and query like '%outbox%' and query not like 'insert%'",
    );
    await insert(0, 'b');
    await expectShown('a b');
  });
});
