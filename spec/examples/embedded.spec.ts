import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { serve, type Served } from './serve.ts';

// Starting a process takes a second, and much more on a machine that is busy with other specs.
const MAIN = 'examples/embedded/main.ts';
const folder = mkdtempSync(join(tmpdir(), 'sluice-embedded-'));
const running: Served[] = [];

afterEach(() => Promise.all(running.splice(0).map((served) => served.end('SIGKILL'))));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function startOn(store: string): Promise<Served> {
  const served = await serve([MAIN, join(folder, store), '0']);
  running.push(served);
  return served;
}

async function ask(address: string, path: string, body?: string): Promise<readonly [status: number, body: unknown]> {
  const response = await fetch(`${address}${path}`, body === undefined ? {} : { method: 'POST', body });
  return [response.status, await response.json()];
}

test('is a file of less than 60 lines', () => {
  const lines = readFileSync(new URL(`../../${MAIN}`, import.meta.url), 'utf8')
    .trimEnd()
    .split('\n');
  expect(lines.length).toBeLessThan(60);
});

test.each([['SIGKILL'], ['SIGTERM']] as const)('still has after a %s what was answered before it', async (signal) => {
  const first = await startOn(signal);
  expect(await ask(first.address, '/comfort')).toEqual([404, { error: 'There is no reading yet.' }]);
  expect(await ask(first.address, '/readings', '17.5')).toMatchObject([201, { outcome: 'applied' }]);
  expect(await ask(first.address, '/readings', '22')).toMatchObject([201, { outcome: 'applied' }]);
  const comfort = [200, { readings: 2, average: 19.75, feels: 'fine' }];
  expect(await ask(first.address, '/comfort')).toEqual(comfort);
  expect(await first.end(signal)).toEqual(signal === 'SIGKILL' ? [null, 'SIGKILL'] : [0, null]);

  const second = await startOn(signal);
  expect(await ask(second.address, '/comfort')).toEqual(comfort);
  expect(await ask(second.address, '/readings', '50.5')).toMatchObject([201, { outcome: 'applied' }]);
  expect(await ask(second.address, '/comfort')).toEqual([200, { readings: 3, average: 30, feels: 'hot' }]);
});

test('refuses what is no reading, and what it does not have', async () => {
  const { address } = await startOn('refused');
  const refusal = [400, { error: 'POST a number of degrees from -90 to 60.' }];
  for (const body of ['warm', '"17"', '61', 'null', '']) expect(await ask(address, '/readings', body)).toEqual(refusal);
  expect(await ask(address, '/readings')).toMatchObject([404, { error: 'There are POST /readings and GET /comfort.' }]);
  expect(await ask(address, '/comfort', '1')).toMatchObject([404, { error: 'There are POST /readings and GET /comfort.' }]);
  expect(await ask(address, '/comfort')).toEqual([404, { error: 'There is no reading yet.' }]);
});

test('refuses to start beside one that has the store', async () => {
  await startOn('shared');
  await expect(startOn('shared')).rejects.toThrow('STORE_LOCKED');
});
