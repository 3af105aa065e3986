import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { takeLease } from '../../store/lease.ts';
import type { LeaseHolder } from '../../store/lease-sign.ts';
import { openLmdb, type LmdbEnvironment } from '../../store/lmdb-environment.ts';
import { openStore } from '../../store/open-store.ts';
import { mayBeAlive, thisProcess } from '../../store/process-identity.ts';
import { record } from '../../store/record.ts';
import { META, type Tables } from '../../store/tables.ts';
import { newFolder } from './folder.ts';

const here = { ...thisProcess(), copy: 'another copy' };
const linux = process.platform === 'linux';

/** A pid that nobody has: above what Linux and others give. */
const NOBODY = 2 ** 30;

function giveTo(tables: Tables, holder: LeaseHolder, epoch: number): void {
  tables.meta.putSync(META.lease, record('meta', META.lease, holder));
  tables.meta.putSync(META.state, record('meta', META.state, [epoch, 0, 1]));
}

/** A store whose lease was left to somebody. */
async function leftTo(holder: LeaseHolder): Promise<string> {
  const folder = await newFolder();
  await (await openStore(folder)).close();
  const environment = await openLmdb(folder, { writable: true, label: 'leaving' });
  environment.transact(() => giveTo(environment.tables, holder, 7));
  await environment.close();
  return folder;
}

describe('the lease of a store', () => {
  test.each([
    ['has ended', { ...here, pid: NOBODY }],
    ['ran before the host started again', { ...here, boot: 'another boot' }],
    ['had the pid that another one has now', { ...here, start: '1' }],
  ])('is taken over from a process that %s', async (_, holder) => {
    if (!linux && holder.pid !== NOBODY) return;
    const folder = await leftTo(holder);
    const store = await openStore(folder);
    expect((await store.put('a', 1)).position).toBe(1);
    await store.close();
  });

  test.each([
    ['runs', here],
    ['runs, as far as one can tell', { ...here, start: null, boot: null }],
    ['belongs to somebody else', { ...here, pid: 1, start: null }],
  ])('is not taken from a process that %s', async (_, holder) => {
    const folder = await leftTo(holder);
    await expect(openStore(folder)).rejects.toMatchObject({ code: 'STORE_LOCKED', details: { pid: holder.pid } });
    const reader = await openStore(folder, { mode: 'read' });
    expect(await reader.port.head()).toBe(0);
    await reader.close();
  });

  test('is taken back from a store of this process that could not let go of it', async () => {
    const store = await openStore(await leftTo(thisProcess()));
    expect((await store.put('a', 1)).position).toBe(1);
    await store.close();
  });

  test('once lost lets nothing be written, and is not given back for the one who has it now', async () => {
    const folder = await newFolder();
    const store = await openStore(folder);
    await store.put('a', 1);
    // lmdb gives a second environment of this process the same file, as it would another process.
    const environment = await openLmdb(folder, { writable: true, label: 'taking' });
    environment.transact(() => giveTo(environment.tables, { ...here, pid: NOBODY }, 99));

    const puts = await Promise.allSettled([store.put('a', 2), store.put('b', 2), store.port.append({ events: [], values: [] })]);
    for (const put of puts) expect(put).toMatchObject({ status: 'rejected', reason: { code: 'STORE_LOCKED', details: { pid: NOBODY } } });
    expect(await store.value('b')).toBeUndefined();
    await store.close();
    expect(environment.tables.meta.doesExist(META.lease)).toBe(true);
    await environment.close();
  });

  test('that somebody has is looked at, and no transaction is begun for it', async () => {
    const folder = await leftTo(here);
    const environment = await openLmdb(folder, { writable: true, label: 'waiting' });
    let transactions = 0;
    const counted: LmdbEnvironment = {
      writable: true,
      isDead: false,
      tables: environment.tables,
      refresh: () => environment.refresh(),
      forgetDeadReaders: () => environment.forgetDeadReaders(),
      close: () => environment.close(),
      transact: (body, volume) => {
        transactions += 1;
        environment.transact(body, volume);
      },
    };
    const place = { path: folder, label: 'waiting' };
    expect(takeLease(counted, place)).toEqual({ holder: here });
    expect(transactions).toBe(0);
    environment.transact(() => giveTo(environment.tables, { ...here, pid: NOBODY }, 8));
    expect(takeLease(counted, place)).toEqual({ lease: { epoch: 9, sign: 9 } });
    expect(transactions).toBe(1);
    await environment.close();
  });

  test('has a sign for as long as it is held, and its holder is gone where that is', async () => {
    const folder = await newFolder();
    const signs = (): readonly string[] => readdirSync(folder).filter((name) => !name.endsWith('.mdb'));
    const store = await openStore(folder);
    expect(signs()).toEqual(['writing-1']);
    await store.close();
    expect(signs()).toEqual([]);
    // As if the row could not be removed: the process runs on.
    const left = await leftTo({ ...here, sign: 7 });
    const again = await openStore(left);
    await again.put('a', 1);
    await again.close();
    const held = await leftTo({ ...here, sign: 7 });
    writeFileSync(join(held, 'writing-7'), '');
    await expect(openStore(held)).rejects.toMatchObject({ code: 'STORE_LOCKED' });
  });

  test('that is taken over leaves no sign behind, whoever is ended when', async () => {
    const folder = await leftTo({ ...here, pid: NOBODY, sign: 7 });
    writeFileSync(join(folder, 'writing-7'), '');
    // Of one that was ended before it had the lease.
    writeFileSync(join(folder, 'writing-8'), '');
    const store = await openStore(folder);
    expect(readdirSync(folder).filter((name) => name.startsWith('writing'))).toEqual(['writing-8']);
    await store.close();
    expect(readdirSync(folder).filter((name) => name.startsWith('writing'))).toEqual([]);
  });

  test('is as good without a sign, where none can be made', async () => {
    const folder = await leftTo({ ...here, pid: NOBODY });
    mkdirSync(join(folder, 'writing-8'));
    const store = await openStore(folder);
    await store.put('a', 1);
    await store.close();
    const environment = await openLmdb(folder, { writable: false, label: 'looking' });
    expect(environment.tables.meta.doesExist(META.lease)).toBe(false);
    await environment.close();
  });

  test('is there while the store is open to write, and gone afterwards', async () => {
    const folder = await newFolder();
    const [one, two] = await Promise.all([openStore(folder), openStore(folder)]);
    const environment = await openLmdb(folder, { writable: true, label: 'watching' });
    const isLeased = (): boolean => {
      environment.refresh();
      return environment.tables.meta.doesExist(META.lease);
    };
    expect(isLeased()).toBe(true);
    await one.close();
    expect(isLeased()).toBe(true);
    await two.close();
    expect(isLeased()).toBe(false);
    await environment.close();
  });
});

describe('a process is known', () => {
  test('by more than its pid', () => {
    expect(mayBeAlive(here)).toBe(true);
    expect(mayBeAlive({ ...here, start: null, boot: null })).toBe(true);
    expect(mayBeAlive({ ...here, pid: NOBODY })).toBe(false);
  });

  test.runIf(linux)('to be gone when nothing of it is left but its exit code', async () => {
    // The child ends when its shell has become what never asks for its code: a shell would have asked.
    const parent = spawn('/bin/sh', ['-c', 'sleep 0.3 & echo $!; exec sleep 20'], { stdio: ['ignore', 'pipe', 'ignore'] });
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const zombie = { ...here, pid: Number(line.toString()), start: null };
    await vi.waitFor(() => expect(readFileSync(`/proc/${zombie.pid}/stat`, 'utf8')).toContain(') Z '), 60_000);
    expect(mayBeAlive(zombie)).toBe(false);
    parent.kill();
  });

  test.runIf(linux)('by when it and its host started, too', () => {
    expect(mayBeAlive({ ...here, start: '1' })).toBe(false);
    expect(mayBeAlive({ ...here, boot: 'another boot' })).toBe(false);
  });
});
