import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { asset, define, input, live, source } from 'sluice';
import { memoryStore } from 'sluice/store/memory';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { redisStream } from '../../examples/connectors/redis-streams.ts';
import { freePort } from './free-port.ts';

const absent = spawnSync('redis-server', ['--version']).status !== 0;

const total = asset({ key: 'total', codeVersion: '1', inputs: { sum: input<number>() }, run: ({ sum }) => `total ${sum}` });
const definitions = define({ assets: [source<number>('sum'), total] });

describe.skipIf(absent)(`a Redis stream as a source${absent ? ' (skipped: redis-server is not installed)' : ''}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-redis-'));
  let [store, stream, number] = [memoryStore(), '', 0];
  let server: ChildProcess;
  let redis: Redis;
  let url: string;
  let closeService = (): Promise<void> => Promise.resolve();

  async function startServer(): Promise<void> {
    const { port } = new URL(url);
    server = spawn('redis-server', ['--port', port, '--bind', '127.0.0.1', '--dir', folder, '--appendonly', 'yes', '--save', ''], {
      stdio: 'ignore',
    });
    const up = new Redis(url, { retryStrategy: () => 20, maxRetriesPerRequest: null });
    up.on('error', () => undefined);
    await up.ping();
    up.disconnect();
  }

  async function stopServer(): Promise<void> {
    server.kill();
    await once(server, 'exit');
  }

  beforeAll(async () => {
    url = `redis://127.0.0.1:${await freePort()}`;
    await startServer();
    redis = new Redis(url, { retryStrategy: () => 20, maxRetriesPerRequest: null });
    redis.on('error', () => undefined);
  });
  afterEach(() => closeService());
  afterAll(async () => {
    redis.disconnect();
    await stopServer();
    rmSync(folder, { recursive: true, force: true });
  });

  const begin = (): void => {
    store = memoryStore();
    stream = `amounts-${(number += 1)}`;
  };
  const start = async (): Promise<void> => {
    const sum = redisStream<number>({ url, stream, fold: (known = 0, { fields }) => known + Number(fields['amount']) });
    const service = await live(definitions, { store, sources: { sum } });
    closeService = () => service.close();
  };
  const add = (amount: number): Promise<string | null> => redis.xadd(stream, '*', 'amount', amount, 'by', 'the spec');
  const expectShown = (text: string): Promise<unknown> =>
    vi.waitFor(async () => expect(await store.value('total')).toBe(text), { timeout: 60_000 });

  test('gives what is there and what comes, and in another life what came meanwhile, nothing twice', async () => {
    begin();
    for (const amount of [1, 2, 3]) await add(amount);
    await start();
    await expectShown('total 6');
    await add(10);
    await expectShown('total 16');
    await closeService();
    await add(100);
    await start();
    await expectShown('total 116');
    expect((await store.latest('sum'))?.type).toBe('source-observed');
  });

  test('is trimmed up to what is on disk', async () => {
    begin();
    const ids: (string | null)[] = [];
    for (let amount = 1; amount <= 20; amount += 1) ids.push(await add(amount));
    await start();
    await expectShown('total 210');
    await vi.waitFor(async () => expect((await redis.xrange(stream, '-', '+')).map(([id]) => id)).toEqual([ids.at(-1)]), {
      timeout: 60_000,
    });
  });

  test('is connected to again where the server went away', async () => {
    begin();
    await add(1);
    await start();
    await expectShown('total 1');
    await stopServer();
    await startServer();
    await add(2);
    await expectShown('total 3');
  });
});
