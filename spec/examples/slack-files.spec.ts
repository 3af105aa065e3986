import { once } from 'node:events';
import { connect } from 'node:net';
import { PGlite } from '@electric-sql/pglite';
import fc from 'fast-check';
import { DontRetry, materialize, RetryRequest, StepError, type Provision, type RunEvent } from 'sluice';
import { memoryStore } from 'sluice/store/memory';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { db, definitions, slack } from '../../examples/slack-files/definitions.ts';
import { everyFile } from '../../examples/slack-files/every-file.ts';
import { readAll, storeAll } from '../../examples/slack-files/files-table.ts';
import { SlackClient } from '../../examples/slack-files/slack-client.ts';
import { slackFile, type SlackFile } from '../../examples/slack-files/slack-file.ts';
import { servedFile, SlackServer, type SharedFile } from '../../examples/slack-files/slack-server.ts';
import { manualClock } from '../operators/rig/manual-clock.ts';
import { start } from './start.ts';

// The first start of a PGlite, and a process, can take long on a machine that is busy with other specs.
const KEY = 'store_slack_files_in_sql';

const shared = (number: number): SharedFile => ({
  id: `F0${number}`,
  created: 1_768_208_400 + number,
  name: `it's "file" ${number}.gif`,
  mimetype: 'image/gif',
  size: number * 1000,
});
const upTo = (last: number): readonly SharedFile[] => Array.from({ length: last }, (_, index) => shared(index + 1));
/** What of a server's files ends up in the table. */
const kept = (server: SlackServer): readonly SlackFile[] => server.files.map((file) => slackFile.parse(file));

async function collect<T>(values: AsyncIterable<T>): Promise<readonly T[]> {
  const found: T[] = [];
  for await (const value of values) found.push(value);
  return found;
}

let server: SlackServer;
const clientOf = (token = server.token): SlackClient => new SlackClient({ token, baseUrl: server.baseUrl });

beforeEach(async () => {
  server = await SlackServer.start(upTo(5));
});

afterEach(() => server.close());

describe('the stand-in for Slack', () => {
  const ask = async (query: string, init: RequestInit = {}): Promise<unknown> => {
    const response = await fetch(`${server.baseUrl}/${query}`, { headers: { Authorization: `Bearer ${server.token}` }, ...init });
    return response.json();
  };

  test('lists the newest files first, and tells of pages as Slack does', async () => {
    const ids = (...numbers: readonly number[]): object => numbers.map((number) => ({ id: `F0${number}` }));
    const paging = { count: 2, total: 5, pages: 3 };
    expect(await ask('files.list?count=2')).toMatchObject({ ok: true, files: ids(5, 4), paging: { ...paging, page: 1 } });
    expect(await ask('files.list?count=2&page=3')).toMatchObject({ ok: true, files: ids(1), paging: { ...paging, page: 3 } });
    expect(await ask('files.list?count=2&page=4')).toMatchObject({ ok: true, files: [], paging: { ...paging, page: 4 } });
    expect(await ask('files.list')).toMatchObject({ paging: { count: 100, total: 5, page: 1, pages: 1 } });
    expect(await ask('files.list?count=9999')).toMatchObject({ paging: { count: 1000 } });
  });

  test('takes its arguments from a form too, and leaves out what is older than ts_from', async () => {
    const form = { method: 'POST', body: new URLSearchParams({ ts_from: String(shared(4).created) }) };
    expect(await ask('files.list', form)).toMatchObject({ files: [{ id: 'F05' }, { id: 'F04' }], paging: { total: 2 } });
  });

  test('gives a file the fields that Slack gives it', async () => {
    expect(await ask('files.list?count=1')).toMatchObject({
      files: [{ id: 'F05', created: 1_768_208_405, timestamp: 1_768_208_405, filetype: 'gif', mode: 'hosted', size: 5000 }],
    });
  });

  test('refuses as Slack does', async () => {
    expect(await ask('files.list', { headers: {} })).toEqual({ ok: false, error: 'not_authed' });
    expect(await ask('files.list', { headers: { Authorization: 'Bearer xoxb-wrong' } })).toEqual({ ok: false, error: 'invalid_auth' });
    expect(await ask('files.dance')).toEqual({ ok: false, error: 'unknown_method' });
    server.limitNext(1, { retryAfterSeconds: 30 });
    const limited = await fetch(`${server.baseUrl}/files.list`);
    expect([limited.status, limited.headers.get('Retry-After'), await limited.json()]).toEqual([
      429,
      '30',
      { ok: false, error: 'ratelimited' },
    ]);
    expect(await ask('files.list')).toMatchObject({ ok: true });
    expect(server.requests).toBe(5);
  });
});

test('the stand-in for Slack closes, also where somebody is still connected', async () => {
  const other = await SlackServer.start();
  const { port } = new URL(other.baseUrl);
  const socket = connect(Number(port), '127.0.0.1');
  await once(socket, 'connect');
  socket.write('GET /api/files.list HTTP/1.1\r\n');
  // To be cut off in the middle of a request is an error of the one who asks.
  const cut = new Promise((resolve) =>
    socket
      .once('close', resolve)
      .once('error', () => undefined)
      .resume(),
  );
  await other.close();
  await cut;
  expect(socket.destroyed).toBe(true);
});

describe('the Slack client', () => {
  test('talks to the real Slack unless told otherwise', async () => {
    const asked: string[] = [];
    const real = globalThis.fetch;
    globalThis.fetch = (address) => {
      asked.push(address instanceof URL ? address.href : '');
      return Promise.resolve(Response.json({ ok: true, files: [], paging: { total: 0, pages: 0 } }));
    };
    try {
      expect(await collect(new SlackClient({ token: 'xoxb-1' }).files())).toEqual([]);
    } finally {
      globalThis.fetch = real;
    }
    expect(asked).toEqual(['https://slack.com/api/files.list?page=1&count=100']);
  });

  test.each([1, 2, 5, 6])('follows pages of %i', async (pageSize) => {
    expect(await collect(clientOf().files({ pageSize }))).toEqual(server.files);
    expect(server.requests).toBe(Math.ceil(5 / pageSize));
  });

  test('asks for no page before the files of the one before are used up', async () => {
    const files = clientOf().files({ pageSize: 2 });
    await files.next();
    await files.next();
    expect(server.requests).toBe(1);
    await files.next();
    expect(server.requests).toBe(2);
  });

  test('makes of a rate limit a request for another attempt, no sooner than Slack says', async () => {
    server.limitNext(1, { retryAfterSeconds: 30 });
    const thrown: unknown = await collect(clientOf().files()).catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(RetryRequest);
    expect(thrown).toMatchObject({ delayMs: 30_000 });
  });

  test('forbids another attempt with a wrong token, and leaves other errors to the policy', async () => {
    const refused: unknown = await collect(clientOf('xoxb-wrong').files()).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(DontRetry);
    expect(refused).toMatchObject({ cause: { ok: false, error: 'invalid_auth' } });
    const elsewhere = new SlackClient({ token: server.token, baseUrl: `${server.baseUrl}/no` });
    const failed: unknown = await collect(elsewhere.files()).catch((error: unknown) => error);
    expect(failed).not.toBeInstanceOf(DontRetry);
    expect(failed).toMatchObject({ message: expect.stringContaining('unknown_method') as string });
  });

  test('stops when it is told to, and when it is disposed', async () => {
    const controller = new AbortController();
    const files = clientOf().files({ pageSize: 1, signal: controller.signal });
    await files.next();
    controller.abort(new Error('enough'));
    await expect(files.next()).rejects.toThrow('enough');
    const client = clientOf();
    client[Symbol.dispose]();
    await expect(collect(client.files())).rejects.toThrow('closed');
  });
});

describe('paging over files that come and go', () => {
  const pageOf = (all: readonly SharedFile[], { page, count }: { readonly page: number; readonly count: number }): object => ({
    ok: true,
    files: all.slice((page - 1) * count, page * count).map(servedFile),
    paging: { total: all.length, pages: Math.ceil(all.length / count) },
  });

  test.each([
    ['one comes', [6, 5, 4, 3, 2, 1]],
    ['one of the first page goes', [4, 3, 2, 1]],
    ['one comes and another one goes', [6, 5, 4, 3, 1]],
  ])('asks for another attempt where %s between two pages', async (_, then) => {
    const lists = [[5, 4, 3, 2, 1], then].map((numbers) => numbers.map(shared));
    const found: string[] = [];
    const reading = async (): Promise<void> => {
      const files = everyFile((args) => Promise.resolve(pageOf(lists.shift() ?? then.map(shared), args)), 2);
      for await (const { id } of files) found.push(id);
    };
    await expect(reading()).rejects.toBeInstanceOf(RetryRequest);
    expect(found).toEqual([...new Set(found)]);
  });

  test('misses no file that was there all the time, whatever comes and goes, unless it asks for another attempt', async () => {
    const change = fc.record({ comes: fc.nat({ max: 2 }), goes: fc.array(fc.nat(), { maxLength: 2 }) });
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 9 }), fc.integer({ min: 1, max: 4 }), fc.array(change), async (count, pageSize, changes) => {
        let numbers = Array.from({ length: count }, (_, index) => count - index);
        let newest = count;
        const gone = new Set<number>();
        const list = (args: { readonly page: number; readonly count: number }): Promise<object> => {
          const answer = pageOf(numbers.map(shared), args);
          const { comes, goes } = changes.shift() ?? { comes: 0, goes: [] };
          for (const number of goes.flatMap((at) => numbers[at % numbers.length] ?? [])) gone.add(number);
          numbers = numbers.filter((number) => !gone.has(number));
          for (let more = 0; more < comes; more += 1) numbers.unshift((newest += 1));
          return Promise.resolve(answer);
        };
        const found = await collect(everyFile(list, pageSize)).catch((error: unknown) => {
          if (error instanceof RetryRequest) return undefined;
          throw error;
        });
        if (found === undefined) return;
        const stayed = Array.from({ length: count }, (_, index) => count - index).filter((number) => !gone.has(number));
        expect(found.map(({ id }) => id)).toEqual(expect.arrayContaining(stayed.map((number) => `F0${number}`)));
        expect(new Set(found.map(({ id }) => id)).size).toBe(found.length);
      }),
    );
  });

  test('takes any function that lists files, such as that of a client of somebody else', async () => {
    const web = {
      files: { list: (args: { page?: number; count?: number }) => Promise.resolve(pageOf(upTo(3), { page: 1, count: 3, ...args })) },
    };
    expect(await collect(everyFile((args) => web.files.list(args), 2))).toEqual(upTo(3).map(servedFile));
  });

  test('refuses an answer that is none', async () => {
    await expect(collect(everyFile(() => Promise.resolve({ ok: true }), 2))).rejects.toThrow('paging');
  });
});

describe('with a database', () => {
  let database: PGlite;

  beforeAll(async () => {
    database = await PGlite.create();
  });

  beforeEach(() => database.exec('drop table if exists slack_files'));

  afterAll(() => database.close());

  const rowVersions = async (): Promise<ReadonlyMap<string, string>> => {
    const { rows } = await database.query<{ id: string; version: string }>('select id, xmin::text as version from slack_files');
    return new Map(rows.map(({ id, version }) => [id, version]));
  };

  describe('the table', () => {
    test('has an id only once, and says so itself', async () => {
      await storeAll(database, kept(server));
      const { rows } = await database.query("select indexdef from pg_indexes where tablename = 'slack_files'");
      expect(rows).toEqual([{ indexdef: expect.stringContaining('UNIQUE INDEX slack_files_pkey') as string }]);
    });

    test('is not written where nothing is new, and only at the rows that are', async () => {
      await storeAll(database, kept(server));
      const before = await rowVersions();
      expect(await storeAll(database, kept(server))).toEqual({ rows: 5, added: 0, edited: 0, removed: 0 });
      expect(await rowVersions()).toEqual(before);
      server.add({ ...shared(3), title: 'renamed' });
      expect(await storeAll(database, kept(server))).toEqual({ rows: 5, added: 0, edited: 1, removed: 0 });
      const after = await rowVersions();
      expect([...after].filter(([id, version]) => before.get(id) !== version).map(([id]) => id)).toEqual(['F03']);
    });

    test('stays as it was where one file cannot be stored', async () => {
      await storeAll(database, kept(server));
      // Found out by the last statement, after a row was deleted.
      const broken = kept(server).map((file) => (file.id === 'F03' ? { ...file, size: 2 ** 70 } : file));
      await expect(storeAll(database, broken.slice(1))).rejects.toThrow('out of range');
      expect(await readAll(database)).toEqual(kept(server));
    });

    test('is, after any files, just those, and counts what that took', async () => {
      const file = fc.record({
        id: fc.integer({ min: 1, max: 6 }).map((number) => `F${number}`),
        created: fc.integer({ min: 0, max: 2 ** 33 }),
        name: fc.constantFrom('a', "'; drop table slack_files; --", '"', '日本', ''),
        title: fc.constantFrom('a', 'b', '\\'),
        mimetype: fc.constant('text/plain'),
        filetype: fc.constant('text'),
        user: fc.constant('U1'),
        size: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
        url_private: fc.constant('https://files.slack.com/a'),
      });
      const list = fc.uniqueArray(file, { selector: ({ id }) => id, maxLength: 6 });
      await fc.assert(
        fc.asyncProperty(fc.array(list, { minLength: 1, maxLength: 3 }), async (lists) => {
          await database.exec('drop table if exists slack_files');
          let known = new Map<string, string>();
          for (const files of lists) {
            const next = new Map(files.map((each) => [each.id, JSON.stringify(each)]));
            expect(await storeAll(database, files)).toEqual({
              rows: files.length,
              added: files.filter(({ id }) => !known.has(id)).length,
              edited: [...next].filter(([id, text]) => known.has(id) && known.get(id) !== text).length,
              removed: [...known.keys()].filter((id) => !next.has(id)).length,
            });
            const byId = (a: SlackFile, b: SlackFile): number => a.id.localeCompare(b.id);
            expect([...(await readAll(database))].sort(byId)).toEqual([...files].sort(byId));
            known = next;
          }
        }),
        { numRuns: 25 },
      );
    });
  });

  describe('the asset', () => {
    const fromServer = (token = server.token): Provision => slack.factory({ open: () => clientOf(token) });
    const sync = (options: Partial<NonNullable<Parameters<typeof materialize<unknown>>[1]>> = {}) =>
      materialize(definitions, {
        store: memoryStore(),
        resources: [fromServer(), db.value(database)],
        config: { ops: { fetch_files_from_slack: { pageSize: 2 } } },
        ...options,
      });

    test('has the name of the graph as its key', () => {
      expect([...definitions.assets.values()].map(({ key }) => key)).toEqual([KEY]);
    });

    test('makes the table hold what Slack has, over several pages, and has no value itself', async () => {
      const store = memoryStore();
      const result = await sync({ store });
      expect(result.outcome(KEY)).toBe('materialized');
      expect(server.requests).toBe(3);
      expect(await readAll(database)).toEqual(kept(server));
      expect(await store.value(KEY)).toBeUndefined();
      expect(() => result.value(KEY)).toThrow(expect.objectContaining({ code: 'NO_VALUE' }) as Error);
    });

    test('asks for a hundred files at once where no config is given, and refuses a config that makes no sense', async () => {
      await sync({ config: {} });
      expect(server.requests).toBe(1);
      await expect(sync({ config: { ops: { fetch_files_from_slack: { pageSize: 0 } } } })).rejects.toMatchObject({
        code: 'INVALID_CONFIG',
      });
      expect(server.requests).toBe(1);
    });

    test('gains the one row of a file that came, and leaves the others alone', async () => {
      await sync();
      const before = await rowVersions();
      server.add(shared(6));
      await sync();
      const after = await rowVersions();
      expect([...after].filter(([id, version]) => before.get(id) !== version).map(([id]) => id)).toEqual(['F06']);
      expect(await readAll(database)).toEqual(kept(server));
    });

    test('loses the row of a file that went', async () => {
      await sync();
      server.remove('F02');
      await sync();
      expect((await readAll(database)).map(({ id }) => id)).toEqual(['F05', 'F04', 'F03', 'F01']);
    });

    test('tells of its rows in metadata and in the log', async () => {
      const store = memoryStore();
      const told: unknown[] = [];
      await sync({ store, hooks: { onMaterialization: ({ key, metadata }) => told.push([key, metadata['rows']]) } });
      expect(told).toEqual([[KEY, 5]]);
      const events = await collect(store.events());
      expect(events.filter(({ type }) => type === 'asset-materialized')).toMatchObject([
        {
          key: KEY,
          metadata: {
            rows: 5,
            added: 5,
            edited: 0,
            removed: 0,
            newest: { url: server.files[0]?.url_private, text: shared(5).name },
            preview: { rows: [{ id: 'F05', shared: new Date(shared(5).created * 1000) }, { id: 'F04' }, { id: 'F03' }] },
          },
        },
      ]);
      expect(events.filter(({ type }) => type === 'log-line')).toMatchObject([
        { step: 'fetch_files_from_slack', level: 'info', message: 'fetched', data: { files: 5, pageSize: 2 } },
      ]);
    });

    test('waits as long as Slack says after a rate limit, and then comes', async () => {
      const clock = manualClock();
      const retries: RunEvent[] = [];
      const waiting: number[] = [];
      server.limitNext(1, { retryAfterSeconds: 30 });
      const move = (ms: number): void => {
        clock.advance(ms);
        waiting.push(clock.waiting());
      };
      const result = await sync({
        clock,
        onEvent: (event) => {
          if (event.type !== 'step-retrying') return;
          retries.push(event);
          setImmediate(() => {
            move(29_999);
            move(1);
          });
        },
      });
      expect(result.success).toBe(true);
      expect(retries).toMatchObject([{ step: 'fetch_files_from_slack', attempt: 1, delayMs: 30_000 }]);
      expect(waiting).toEqual([1, 0]);
      expect(server.requests).toBe(4);
      expect(await readAll(database)).toEqual(kept(server));
    });

    test('fails at the first attempt with a wrong token, keeps the cause, and leaves the table alone', async () => {
      await sync();
      const before = await rowVersions();
      const requests = server.requests;
      server.add(shared(6));
      const thrown: unknown = await sync({ resources: [fromServer('xoxb-wrong'), db.value(database)] }).catch((error: unknown) => error);
      expect(thrown).toBeInstanceOf(StepError);
      expect(thrown).toMatchObject({ code: 'OP_THREW', details: { step: 'fetch_files_from_slack' } });
      const { cause } = thrown as StepError;
      expect(cause).toBeInstanceOf(DontRetry);
      expect(cause).toMatchObject({ cause: { error: 'invalid_auth' } });
      expect(server.requests).toBe(requests + 1);
      expect(await rowVersions()).toEqual(before);
    });

    test('makes no table where nothing could be fetched', async () => {
      await sync({ resources: [fromServer('xoxb-wrong'), db.value(database)], throwOnFailure: false });
      const { rows } = await database.query("select to_regclass('slack_files') as found");
      expect(rows).toEqual([{ found: null }]);
    });

    test('fails where a file is not what Slack says that files are, and says where', async () => {
      const odd = {
        files: async function* () {
          yield* await Promise.resolve([{ ...slackFile.parse(servedFile(shared(1))), size: -1 }]);
        },
      };
      const clock = manualClock();
      const failing = sync({
        clock,
        resources: [slack.value(odd), db.value(database)],
        onEvent: ({ type }) => void (type === 'step-retrying' && setImmediate(() => clock.advance(60_000))),
      });
      await expect(failing).rejects.toMatchObject({
        code: 'OUTPUT_INVALID',
        message: expect.stringContaining('$[0].size') as string,
        details: { step: 'fetch_files_from_slack' },
      });
    });

    test.each([
      ['succeeds', undefined],
      ['fails', 'xoxb-wrong'],
    ])('opens one client a run that %s, and disposes it', async (_, token) => {
      const opened: SlackClient[] = [];
      const counted = slack.factory({
        open: () => {
          opened.push(clientOf(token));
          return opened[0] ?? clientOf();
        },
      });
      await sync({ resources: [counted, db.value(database)], throwOnFailure: false });
      expect(opened).toHaveLength(1);
      await expect(collect(opened[0]?.files() ?? clientOf().files())).rejects.toThrow('closed');
      expect(database.closed).toBe(false);
    });

    test('is refused before anything runs where nobody provides the database', async () => {
      await expect(sync({ resources: [fromServer()] })).rejects.toMatchObject({ code: 'MISSING_RESOURCE' });
      expect(server.requests).toBe(0);
    });
  });
});

const account = `Slack has 5 files
  3 requests to Slack, with 2 files a page
  store_slack_files_in_sql: 5 rows (5 added, 0 edited, 0 removed)

Slack is busy: it refuses one request
  attempt 1: Slack is asked too often (files.list), and asks to wait 1 s.
  attempt 2 comes in 1 s
  4 requests to Slack, with 2 files a page
  store_slack_files_in_sql: 5 rows (0 added, 0 edited, 0 removed)

Somebody shares offsite.pdf
  3 requests to Slack, with 2 files a page
  store_slack_files_in_sql: 6 rows (1 added, 0 edited, 0 removed)

Somebody has a wrong token
  Slack refused files.list: invalid_auth. Use a token with the scope files:read.
  no second attempt: the table stays as it is

The table slack_files
  F0A6SITE  2026-01-12T09:55  offsite.pdf    98,304
  F0A5NOTE  2026-01-12T09:34  notes.txt         812
  F0A4TALK  2026-01-12T09:21  talk.mp3    5,730,122
  F0A3COST  2026-01-12T09:08  costs.csv       3,907
  F0A2LOGO  2026-01-12T09:03  logo.png       20,213
  F0A1PLAN  2026-01-12T09:00  plan.pdf      144,538

What the store remembers of store_slack_files_in_sql
  run 1 info: fetched {"files":5,"pageSize":2}
  run 1 materialized: 5 rows (5 added, 0 edited, 0 removed)
  run 2 info: fetched {"files":5,"pageSize":2}
  run 2 materialized: 5 rows (0 added, 0 edited, 0 removed)
  run 3 info: fetched {"files":6,"pageSize":2}
  run 3 materialized: 6 rows (1 added, 0 edited, 0 removed)
  run 4 blocked: the step before it failed
`;

test('the example tells its story, and ends by itself', async () => {
  expect(await start(['examples/slack-files/main.ts'])).toEqual({ code: 0, stdout: account, stderr: '' });
});
