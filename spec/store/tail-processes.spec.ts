import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { openStore } from '../../store/open-store.ts';
import { newFolder } from './folder.ts';

const children: ChildProcess[] = [];

afterEach(async () => {
  for (const child of children.splice(0)) await kill(child);
});

function start(...given: readonly string[]): ChildProcess {
  const script = fileURLToPath(new URL('tail-process.ts', import.meta.url));
  const cwd = fileURLToPath(new URL('../..', import.meta.url));
  const child = fork(script, given, { cwd, execArgv: ['--import', 'tsx'] });
  children.push(child);
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

/** What a tail saw in each of its lives. */
function livesIn(file: string): readonly (readonly number[])[] {
  const [, ...lives] = readFileSync(file, 'utf8').split('life\n');
  return lives.map((life) => life.split('\n').filter(Boolean).map(Number));
}

const lastIn = (file: string): number => livesIn(file).flat().at(-1) ?? 0;

describe('tails in other processes', () => {
  test('see every event once, whoever is killed when', async () => {
    const folder = await newFolder();
    await (await openStore(folder)).close();
    const files = ['written', 'first', 'second'].map((name) => join(folder, name));
    const [written = '', ...read] = files;
    for (const file of files) writeFileSync(file, '');
    const starts = [
      () => start('write', folder, written),
      ...read.map((file) => () => start('tail', folder, file, String(lastIn(file) + 1))),
    ];
    const running = starts.map((begin) => begin());
    const goOn = async (): Promise<void> => {
      const lives = files.map((file) => livesIn(file).length);
      const before = files.map(lastIn);
      await vi.waitFor(() => files.forEach((file, index) => expect(lastIn(file)).toBeGreaterThan((before[index] ?? 0) + 20)), 60_000);
      expect(files.map((file) => livesIn(file).length)).toEqual(lives);
    };
    await vi.waitFor(() => files.forEach((file) => expect(livesIn(file)).toHaveLength(1)), 60_000);
    for (const victims of [[1], [0], [0, 2]]) {
      await goOn();
      await sleep(Math.random() * 100);
      const lives = files.map((file) => livesIn(file).length);
      await Promise.all(victims.map((index) => kill(running[index] as ChildProcess)));
      for (const index of victims) running[index] = (starts[index] as () => ChildProcess)();
      await vi.waitFor(
        () => victims.forEach((index) => expect(livesIn(files[index] as string).length).toBe((lives[index] ?? 0) + 1)),
        60_000,
      );
    }
    await goOn();
    await kill(running[0] as ChildProcess);

    const store = await openStore(folder);
    const head = await store.port.head();
    await store.close();
    await vi.waitFor(() => read.forEach((file) => expect(lastIn(file)).toBe(head)), 60_000);
    const all = Array.from({ length: head }, (_, index) => index + 1);
    for (const file of read) expect(livesIn(file).flat()).toEqual(all);
    // The writer's own tail goes on from its cursor, which may be a page behind, and is never ahead.
    let seen = 0;
    for (const life of livesIn(written)) {
      const [first = seen + 1] = life;
      expect(life).toEqual(life.map((_, index) => first + index));
      expect(first).toBeLessThanOrEqual(seen + 1);
      expect(first).toBeGreaterThanOrEqual(seen - 500);
      seen = Math.max(seen, life.at(-1) ?? 0);
    }
  });

  test('are told by the system of what another process appends', async () => {
    const folder = await newFolder();
    const store = await openStore(folder);
    const child = start('latency', folder);
    await once(child, 'message');
    const delays: number[] = [];
    child.on('message', (delay: number) => delays.push(delay));
    for (let value = 1; value <= 20; value += 1) {
      await store.put('k', value);
      await vi.waitFor(() => expect(delays).toHaveLength(value), { timeout: 5000, interval: 5 });
    }
    const sorted = delays.toSorted((a, b) => a - b);
    expect(sorted[10]).toBeLessThan(100);
    await store.close();
  });

  test('keep their process alive while they wait, and no longer', async () => {
    const folder = await newFolder();
    await (await openStore(folder)).close();
    const child = start('wait', folder);
    await once(child, 'message');
    await sleep(400);
    expect(child.exitCode).toBeNull();
    const ended = once(child, 'exit');
    child.send('end');
    expect(await ended).toEqual([0, null]);
  });
});
