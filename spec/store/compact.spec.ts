import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { valueKey } from '../../store/value-rows.ts';
import { checkStoreFile } from '../../store/check-store.ts';
import { compactFile, swapFile } from '../../store/compact-file.ts';
import { compactStore } from '../../store/compact.ts';
import { openLmdb } from '../../store/lmdb-environment.ts';
import { openStore } from '../../store/open-store.ts';
import { META, positionKey } from '../../store/tables.ts';
import { makeTemporaryFolder } from '../../store/temporary-folder.ts';
import { sampleValue } from '../kit/sample-events.ts';
import { fixedRuns, makeSample } from './damage-samples.ts';
import { newFolder } from './folder.ts';
import { Other } from './other.ts';

const SECONDS = 1000;

let loose = '';

/** A store with room in it: something large was there, and is not any more. */
beforeAll(async () => {
  loose = await newFolder();
  await makeSample(loose, fixedRuns(6));
  const large = sampleValue('x'.repeat(400_000));
  for (const change of ['putSync', 'removeSync'] as const) {
    const environment = await openLmdb(loose, { writable: true, label: 'filling' });
    environment.transact(() => environment.tables.values[change](valueKey(large.address), Buffer.concat([Buffer.of(1), large.bytes])));
    await environment.close();
  }
});

async function copyOfLoose(): Promise<string> {
  const folder = await newFolder();
  await cp(join(loose, 'data.mdb'), join(folder, 'data.mdb'));
  return folder;
}

async function eventsOf(folder: string): Promise<readonly unknown[]> {
  const store = await openStore(folder, { mode: 'read' });
  const events = await store.port.read(1, Infinity);
  await store.close();
  return events;
}

async function findingsOf(folder: string): Promise<readonly string[]> {
  const found: string[] = [];
  await checkStoreFile(folder, { label: 'compacted', tellRows: () => undefined, tellFinding: ({ message }) => void found.push(message) });
  return found;
}

const sizeOf = async (folder: string): Promise<number> => (await stat(join(folder, 'data.mdb'))).size;
const filesOf = async (folder: string): Promise<readonly string[]> => (await readdir(folder)).filter((name) => name !== 'lock.mdb');

describe('compactStore', () => {
  test(
    'gives room back, loses nothing, and may be done again and again',
    async () => {
      const folder = await copyOfLoose();
      const [events, before] = [await eventsOf(folder), await sizeOf(folder)];
      const progress: unknown[] = [];
      const report = await compactStore(folder, { onProgress: (each) => void progress.push(each) });
      expect(report).toEqual({ path: folder, bytesBefore: before, bytesAfter: await sizeOf(folder) });
      expect(report.bytesAfter).toBeLessThan(before - 400_000);
      expect(progress).toContainEqual({ step: 'copy', bytes: expect.any(Number) });
      expect(progress).toContainEqual({ step: 'verify', table: 'events', rows: events.length });
      expect(await eventsOf(folder)).toEqual(events);
      expect(await filesOf(folder)).toEqual(['data.mdb']);
      expect(await findingsOf(folder)).toEqual([]);

      // Neither parity of LMDB's transactions makes a difference.
      for (let round = 1; round <= 3; round += 1) {
        const store = await openStore(folder);
        for (let put = 0; put < round; put += 1) await store.put('k', [round, put]);
        await store.close();
        await compactStore(folder);
        const again = await openStore(folder);
        expect(await again.value('k')).toEqual([round, round - 1]);
        await again.close();
      }
      expect(await findingsOf(folder)).toEqual([]);
    },
    30 * SECONDS,
  );

  test('lets go of the lease', async () => {
    const folder = await copyOfLoose();
    await compactStore(folder);
    const environment = await openLmdb(folder, { writable: false, label: 'looking' });
    expect(environment.tables.meta.doesExist(META.lease)).toBe(false);
    await environment.close();
  });

  test.each(['write', 'read'] as const)(
    'refuses a store that is open in this process, and in another one (%s)',
    async (mode) => {
      const folder = await copyOfLoose();
      const before = await readFile(join(folder, 'data.mdb'));
      const store = await openStore(folder, { mode });
      const progress: unknown[] = [];
      const refused = compactStore(folder, { onProgress: (each) => void progress.push(each) });
      await expect(refused).rejects.toMatchObject({
        code: 'STORE_LOCKED',
        details: { pid: mode === 'write' ? process.pid : null },
      });
      expect(progress).toEqual([]);
      await store.close();
      const other = new Other();
      await other.ask({ do: 'open', folder, options: { mode } });
      await expect(compactStore(folder)).rejects.toMatchObject({
        code: 'STORE_LOCKED',
        details: { pid: mode === 'write' ? other.pid : null },
      });
      await other.ask({ do: 'close' });
      await other.kill();
      expect(await filesOf(folder)).toEqual(['data.mdb']);
      expect(await sizeOf(folder)).toBe(before.length);
      expect(await compactStore(folder)).toMatchObject({ bytesBefore: before.length });
    },
    30 * SECONDS,
  );

  test('of a damaged store is refused, and leaves it as it was', async () => {
    const folder = await copyOfLoose();
    const environment = await openLmdb(folder, { writable: true, label: 'breaking' });
    environment.transact(() => environment.tables.events.removeSync(positionKey(3)));
    await environment.close();
    const size = await sizeOf(folder);
    await expect(compactStore(folder)).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
    expect(await sizeOf(folder)).toBe(size);
    expect(await filesOf(folder)).toEqual(['data.mdb']);
  });

  test('that is aborted leaves the store as it was, free to be opened', async () => {
    const folder = await copyOfLoose();
    const size = await sizeOf(folder);
    for (const at of ['copy', 'verify']) {
      const controller = new AbortController();
      await expect(
        compactStore(folder, { signal: controller.signal, onProgress: ({ step }) => step === at && controller.abort(at) }),
      ).rejects.toBe(at);
      expect(await filesOf(folder)).toEqual(['data.mdb']);
    }
    await expect(compactStore(folder, { signal: AbortSignal.abort('before') })).rejects.toBe('before');
    expect(await sizeOf(folder)).toBe(size);
    const store = await openStore(folder);
    await store.put('k', 1);
    await store.close();
  });

  test('refuses what is no store', async () => {
    await expect(compactStore(await newFolder())).rejects.toMatchObject({ code: 'STORE_PATH' });
    // @ts-expect-error an option that is misspelt
    await expect(compactStore(loose, { onprogress: () => undefined })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });
});

describe('the file of a store that is being compacted', () => {
  test('does not give way where a reader came after the copy', async () => {
    const folder = await copyOfLoose();
    const target = await makeTemporaryFolder(folder, 'store', 'compact');
    const compaction = await compactFile({ path: folder, label: folder, target }, () => undefined);
    const size = await sizeOf(folder);
    const other = new Other();
    await other.ask({ do: 'open', folder, options: { mode: 'read' } });
    await expect(swapFile(compaction)).rejects.toMatchObject({ code: 'STORE_LOCKED' });
    await other.kill();
    expect(await sizeOf(folder)).toBe(size);
  });

  test('does not give way where something was committed after the copy', async () => {
    const folder = await copyOfLoose();
    const target = await makeTemporaryFolder(folder, 'store', 'compact');
    const compaction = await compactFile({ path: folder, label: folder, target }, () => undefined);
    const { environment } = compaction.open;
    environment.transact(() => environment.tables.meta.putSync(Buffer.from('later'), Buffer.of(1)));
    await expect(swapFile(compaction)).rejects.toMatchObject({ code: 'STORE_LOCKED' });
    // What the failed swap gave back can be taken.
    const store = await openStore(folder);
    await store.put('k', 1);
    await store.close();
  });

  test('agrees with its lock about the last transaction, for whoever comes before the old one is closed', async () => {
    const folder = await copyOfLoose();
    const events = await eventsOf(folder);
    for (let commits = 0; commits < 2; commits += 1) {
      const odd = await openLmdb(folder, { writable: true, label: 'odd' });
      odd.transact(() => odd.tables.meta.putSync(Buffer.from('later'), Buffer.of(commits)));
      await odd.close();
      // Holds the lock file in use all the while, as a reader would that comes at the last moment.
      const target = await makeTemporaryFolder(folder, 'store', 'compact');
      const compaction = await compactFile({ path: folder, label: folder, target }, () => undefined);
      const late = new Other();
      const swapped = swapFile(compaction);
      await late.ask({ do: 'open', folder, options: { mode: 'read' } });
      await swapped;
      await late.kill();
      expect(await eventsOf(folder)).toEqual(events);
      expect(await findingsOf(folder)).toEqual([]);
    }
  });
});

describe.skipIf(process.platform === 'win32')('a compaction that is killed', () => {
  test(
    'leaves the old file or the new one, and both have everything',
    async () => {
      const folder = await copyOfLoose();
      const events = await eventsOf(folder);
      const url = JSON.stringify(new URL('../../store/compact.ts', import.meta.url).href);
      const body = `const { compactStore } = await import(${url}); await compactStore(${JSON.stringify(folder)});`;
      const run = (): ReturnType<typeof spawn> =>
        spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', body], { stdio: 'ignore' });
      const started = performance.now();
      await once(run(), 'exit');
      const wholeMs = performance.now() - started;
      for (const share of [0.5, 0.65, 0.75, 0.82, 0.88, 0.94, 0.98]) {
        const child = run();
        const ended = once(child, 'exit');
        await Promise.race([sleep(wholeMs * share), ended]);
        child.kill('SIGKILL');
        await ended;
        await expect.poll(() => eventsOf(folder), { timeout: 5 * SECONDS }).toEqual(events);
      }
      // Processes of those that were killed end by themselves, and then nobody has it open any more.
      await expect.poll(() => compactStore(folder).then(() => filesOf(folder)), { timeout: 15 * SECONDS }).toEqual(['data.mdb']);
      expect(await eventsOf(folder)).toEqual(events);
      expect(await findingsOf(folder)).toEqual([]);
    },
    60 * SECONDS,
  );
});
