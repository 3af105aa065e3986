import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { memoryStore } from '../../lib/memory/index.ts';
import { backupStore } from '../../store/backup.ts';
import { openLmdb } from '../../store/lmdb-environment.ts';
import { readState } from '../../store/log-state.ts';
import { openStore } from '../../store/open-store.ts';
import { thisProcess } from '../../store/process-identity.ts';
import { META, positionKey } from '../../store/tables.ts';
import { verifyStore } from '../../store/verify.ts';
import { DamageChild } from './damage-child.ts';
import { fixedRuns, makeSample } from './damage-samples.ts';
import { newFolder } from './folder.ts';

const SECONDS = 1000;

/** A store of a few runs, closed, and the path of a backup that is not there. */
async function sample(): Promise<{ readonly folder: string; readonly target: string; readonly around: string }> {
  const around = await newFolder();
  const folder = join(around, 'store');
  await makeSample(folder, fixedRuns(5));
  return { folder, target: join(around, 'backup'), around };
}

async function eventsOf(folder: string): Promise<readonly unknown[]> {
  const store = await openStore(folder, { mode: 'read' });
  const events = await store.port.read(1, Infinity);
  await store.close();
  return events;
}

async function isLeased(folder: string): Promise<boolean> {
  const environment = await openLmdb(folder, { writable: false, label: 'looking' });
  const leased = environment.tables.meta.doesExist(META.lease);
  await environment.close();
  return leased;
}

describe('backupStore', () => {
  test('makes a copy with a manifest, and changes nothing', async () => {
    const { folder, target, around } = await sample();
    const before = await readFile(join(folder, 'data.mdb'));
    const progress: unknown[] = [];
    const manifest = await backupStore(folder, target, { now: () => 1234, onProgress: (each) => void progress.push(each) });

    expect(await readdir(target)).toEqual(['backup.json', 'data.mdb']);
    const data = await readFile(join(target, 'data.mdb'));
    const events = await eventsOf(folder);
    expect(manifest).toEqual({
      format: 'sluice-backup 1',
      head: events.length,
      sha256: createHash('sha256').update(data).digest('hex'),
      bytes: data.length,
      createdAt: 1234,
    });
    expect(JSON.parse(await readFile(join(target, 'backup.json'), 'utf8'))).toEqual(manifest);
    expect(Object.isFrozen(manifest)).toBe(true);
    expect((await readFile(join(folder, 'data.mdb'))).equals(before)).toBe(true);
    expect(await readdir(around)).toEqual(['backup', 'store']);
    expect(progress).toContainEqual({ step: 'copy', bytes: data.length });
    expect(progress).toContainEqual({ step: 'verify', table: 'events', rows: events.length });
    expect(await eventsOf(target)).toEqual(events);
  });

  test("of a store that this process has open to write is nobody's, and can be written to at once", async () => {
    const { folder, target } = await sample();
    const store = await openStore(folder);
    const { head } = await backupStore(store, target);
    expect(await isLeased(folder)).toBe(true);
    expect(await isLeased(target)).toBe(false);
    await store.put('k', 1);
    const copy = await openStore(target);
    expect((await copy.put('k', 2)).position).toBe(head + 1);
    expect(await store.value('k')).toBe(1);
    await Promise.all([store.close(), copy.close()]);
  });

  test('beside a writer in another process is the beginning of its log, each time', async () => {
    const around = await newFolder();
    const folder = join(around, 'store');
    const other = new DamageChild();
    expect(await other.ask({ do: 'write for ever', folder })).toEqual({ said: 'writing' });
    const manifests = [];
    for (const name of ['one', 'two', 'three']) manifests.push(await backupStore(folder, join(around, name)));
    await other.kill();

    const all = await eventsOf(folder);
    for (const [index, name] of ['one', 'two', 'three'].entries()) {
      const events = await eventsOf(join(around, name));
      expect(events).toEqual(all.slice(0, manifests[index]?.head));
      expect(events.length).toBeGreaterThan(0);
    }
    expect(manifests[2]?.head).toBeGreaterThan(manifests[0]?.head ?? Infinity);
  });

  test('refuses a target with something in it, and takes an empty folder', async () => {
    const { folder, target, around } = await sample();
    await mkdir(target);
    await writeFile(join(target, 'mine'), 'text');
    const progress: unknown[] = [];
    const refused = backupStore(folder, target, { onProgress: (each) => void progress.push(each) });
    await expect(refused).rejects.toMatchObject({ code: 'STORE_PATH' });
    expect(progress).toEqual([]);
    await expect(backupStore(folder, join(target, 'mine'))).rejects.toMatchObject({ code: 'STORE_PATH' });
    await expect(backupStore(folder, folder)).rejects.toMatchObject({ code: 'STORE_PATH' });
    await expect(backupStore(folder, '')).rejects.toMatchObject({ code: 'STORE_PATH' });
    expect(await readdir(target)).toEqual(['mine']);
    await rm(join(target, 'mine'));
    await backupStore(folder, target);
    expect(await readdir(around)).toEqual(['backup', 'store']);
    await backupStore(folder, join(around, 'made', 'on the way'));
  });

  test('refuses what is no store on disk', async () => {
    const { target, around } = await sample();
    await expect(backupStore(join(around, 'none'), target)).rejects.toMatchObject({ code: 'STORE_PATH' });
    await expect(backupStore(memoryStore(), target)).rejects.toMatchObject({ code: 'STORE_PATH' });
    // @ts-expect-error neither a path nor a store
    await expect(backupStore(undefined, target)).rejects.toMatchObject({ code: 'STORE_PATH' });
    await expect(backupStore(around, target, { now: () => 1 })).rejects.toMatchObject({ code: 'STORE_PATH' });
    // @ts-expect-error an option of another kind
    await expect(backupStore(around, target, { now: 5 })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    expect(existsSync(target)).toBe(false);
  });

  test('of a damaged store is refused, and leaves nothing', async () => {
    const { folder, target, around } = await sample();
    const environment = await openLmdb(folder, { writable: true, label: 'breaking' });
    environment.transact(() => environment.tables.events.removeSync(positionKey(3)));
    await environment.close();
    await expect(backupStore(folder, target)).rejects.toMatchObject({
      code: 'STORE_CORRUPT',
      message: expect.stringContaining('position 3'),
    });
    expect(await readdir(around)).toEqual(['store']);
  });

  test('that is aborted leaves nothing, wherever it was', async () => {
    const { folder, target, around } = await sample();
    for (const at of ['copy', 'verify']) {
      const controller = new AbortController();
      const backing = backupStore(folder, target, {
        signal: controller.signal,
        onProgress: ({ step }) => step === at && controller.abort(at),
      });
      await expect(backing).rejects.toBe(at);
      expect(await readdir(around)).toEqual(['store']);
    }
    await expect(backupStore(folder, target, { signal: AbortSignal.abort('before') })).rejects.toBe('before');
  });

  test('removes what a backup to the same place left that was killed, and nothing of one that runs', async () => {
    const { folder, target, around } = await sample();
    const { start } = thisProcess();
    const left = join(around, `.${basename(target)}.backup-${2 ** 30}-5-01234567`);
    const running = join(around, `.${basename(target)}.backup-${process.pid}-${start ?? 'unknown'}-01234567`);
    const others = [join(around, `.else.backup-${2 ** 30}-5-01234567`), join(around, `.${basename(target)}.backup-notes`)];
    for (const each of [left, running, ...others]) await cp(folder, each, { recursive: true });
    await backupStore(folder, target);
    expect((await readdir(around)).toSorted()).toEqual(
      [...[running, ...others].map((each) => basename(each)), 'backup', 'store'].toSorted(),
    );
  });
});

/** Runs a script that uses the sources, in a process of its own. */
function scriptOf(body: string): readonly string[] {
  const url = (path: string): string => JSON.stringify(new URL(`../../store/${path}.ts`, import.meta.url).href);
  const imports = ['backup', 'restore', 'compact'].map((name) => `const { ${name}Store } = await import(${url(name)});`).join('\n');
  return ['--import', 'tsx', '--input-type=module', '-e', `${imports}\n${body}`];
}

describe.skipIf(process.platform === 'win32')('a backup that does not come to its end', () => {
  test(
    'because the disk is full leaves nothing, and says so',
    async () => {
      const { folder, target, around } = await sample();
      const body = `await backupStore(${JSON.stringify(folder)}, ${JSON.stringify(target)}).catch((error) => console.log(error.code, error.details.path))`;
      for (const blocks of [16, 100]) {
        const { stdout } = spawnSync('/bin/sh', ['-c', `ulimit -f ${blocks}; exec "$0" "$@"`, process.execPath, ...scriptOf(body)], {
          encoding: 'utf8',
        });
        expect(stdout.trim()).toBe(`STORE_FULL ${target}`);
        expect(await readdir(around)).toEqual(['store']);
      }
    },
    30 * SECONDS,
  );

  test(
    'because it was killed leaves nothing at its target, or all of it',
    async () => {
      const { folder, target, around } = await sample();
      const body = `await backupStore(${JSON.stringify(folder)}, ${JSON.stringify(target)})`;
      const took = performance.now();
      spawnSync(process.execPath, scriptOf(body));
      const wholeMs = performance.now() - took;
      const expected = await eventsOf(folder);
      await rm(target, { recursive: true });
      for (const share of [0.5, 0.7, 0.85, 0.95]) {
        spawnSync(process.execPath, scriptOf(body), { timeout: Math.ceil(wholeMs * share), killSignal: 'SIGKILL' });
        const found = existsSync(target) ? { events: await eventsOf(target), ok: (await verifyStore(target)).ok } : 'nothing';
        expect([{ events: expected, ok: true }, 'nothing']).toContainEqual(found);
        await rm(target, { recursive: true, force: true });
      }
      await backupStore(folder, target);
      expect(await readdir(around)).toEqual(['backup', 'store']);
    },
    60 * SECONDS,
  );
});

describe('what a backup carries', () => {
  test('is the epoch, so that nobody is given one twice', async () => {
    const { folder, target } = await sample();
    const epochOf = async (path: string): Promise<number> => {
      const environment = await openLmdb(path, { writable: false, label: 'looking' });
      const { epoch } = readState(environment.tables, 'looking');
      await environment.close();
      return epoch;
    };
    await backupStore(folder, target);
    expect(await epochOf(target)).toBe(await epochOf(folder));
    expect(dirname(target)).toBe(dirname(folder));
  });
});
