import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Store } from '../../lib/events/store.ts';
import { livePort } from '../../lib/events/tail.ts';
import type { AppendBatch, LivePort } from '../../lib/events/store-port.ts';
import { memoryStore } from '../../lib/memory/index.ts';
import { backupStore } from '../../store/backup.ts';
import { compactStore } from '../../store/compact.ts';
import { openStore } from '../../store/open-store.ts';
import { restoreStore } from '../../store/restore.ts';
import { TortureFolder } from './folders.ts';
import type { Tally } from './torture.ts';

const now = (): number => 1_700_000_000_000;

/** The stores that are held against the model: one on disk, whose process may end at any moment, and one in memory. */
export class ModelWorld implements AsyncDisposable {
  readonly memory: Store = memoryStore({ now });
  readonly tally: Tally;
  readonly #folder: TortureFolder;
  #disk: Store;
  #place = 0;

  private constructor(folder: TortureFolder, disk: Store, tally: Tally) {
    this.#folder = folder;
    this.#disk = disk;
    this.tally = tally;
  }

  static async open(tally: Tally): Promise<ModelWorld> {
    const folder = new TortureFolder('memory');
    return new ModelWorld(folder, await openStore(join(folder.path, '0'), { now }), tally);
  }

  get disk(): Store {
    return this.#disk;
  }

  get stores(): readonly Store[] {
    return [this.#disk, this.memory];
  }

  get ports(): readonly LivePort[] {
    return this.stores.map(({ port }) => livePort(port));
  }

  /** Where the store on disk is. */
  get path(): string {
    return join(this.#folder.path, `${this.#place}`);
  }

  async reopen(): Promise<void> {
    await this.#disk.close();
    this.#disk = await openStore(this.path, { now });
  }

  /**
   * As if the process had ended: another store goes on with the bytes of the file as they are, while a batch was on its way. What is
   * copied between two turns of the event loop is what a killed process leaves, since a transaction takes no longer than one.
   */
  async crash(underway: AppendBatch): Promise<void> {
    const left = this.#disk;
    const appended = left.port.append(underway).catch(() => undefined);
    const from = this.path;
    this.#place += 1;
    mkdirSync(this.path);
    copyFileSync(join(from, 'data.mdb'), join(this.path, 'data.mdb'));
    await appended;
    await left.close();
    this.#disk = await openStore(this.path, { now });
  }

  async compact(): Promise<void> {
    await this.#disk.close();
    await compactStore(this.path);
    this.#disk = await openStore(this.path, { now });
  }

  /** Goes on with what was backed up. */
  async backupAndRestore(): Promise<void> {
    const backup = join(this.#folder.path, `backup ${this.#place}`);
    await backupStore(this.#disk, backup);
    await this.#disk.close();
    this.#place += 1;
    await restoreStore(backup, this.path);
    this.#disk = await openStore(this.path, { now });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.stores.map((store) => store.close()));
    this.#folder[Symbol.dispose]();
  }
}
