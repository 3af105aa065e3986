import { expect, test } from 'vitest';
import { Turns } from '../../../lib/kernel/turns.ts';

test('turns go first come, first served, one at a time', async () => {
  const turns = new Turns();
  const log: string[] = [];
  const work = async (name: string): Promise<void> => {
    const release = await turns.take();
    log.push(`${name} in`);
    await Promise.resolve();
    log.push(`${name} out`);
    release();
  };
  await Promise.all([work('a'), work('b'), work('c')]);
  expect(log).toEqual(['a in', 'a out', 'b in', 'b out', 'c in', 'c out']);
});

test('it is busy while somebody holds the turn or waits for it', async () => {
  const turns = new Turns();
  expect(turns.busy).toBe(false);
  const first = await turns.take();
  const second = turns.take();
  first();
  expect(turns.busy).toBe(true);
  (await second)();
  expect(turns.busy).toBe(false);
});

test('letting go twice lets nobody else in too early', async () => {
  const turns = new Turns();
  const first = await turns.take();
  first();
  first();
  const second = await turns.take();
  let third = false;
  void turns.take().then(() => (third = true));
  first();
  await new Promise((resolve) => setImmediate(resolve));
  expect([turns.busy, third]).toEqual([true, false]);
  second();
});

test('a turn aside is one like any other, and keeps nobody busy', async () => {
  const turns = new Turns();
  const aside = await turns.takeAside();
  expect([turns.busy, turns.contended]).toEqual([false, false]);
  const second = turns.take();
  expect([turns.busy, turns.contended]).toEqual([true, true]);
  let isIn = false;
  void second.then(() => (isIn = true));
  await new Promise((resolve) => setImmediate(resolve));
  expect(isIn).toBe(false);
  aside();
  aside();
  const third = turns.takeAside();
  expect([turns.busy, turns.contended]).toEqual([true, true]);
  (await second)();
  expect([turns.busy, turns.contended]).toEqual([false, false]);
  (await third)();
});
