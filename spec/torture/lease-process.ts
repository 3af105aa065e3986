import { setTimeout as sleep } from 'node:timers/promises';
import type { Store } from '../../lib/events/store.ts';
import { openLmdb, type LmdbEnvironment } from '../../store/lmdb-environment.ts';
import { readState, writeState } from '../../store/log-state.ts';
import { openStore } from '../../store/open-store.ts';
import type { ProcessIdentity } from '../../store/process-identity.ts';
import { openRecord, record } from '../../store/record.ts';
import { META } from '../../store/tables.ts';
import { batchOf, logLine } from '../kit/sample-events.ts';
import { codeOf, obey, say } from './obey.ts';
import { Random } from './random.ts';

// A process that wants to write to a store again and again, and stamps what it writes with the epoch that it was given; or one that
// makes the holder of the lease look as if it were gone.

/** What the process is to do. */
export type LeaseOrder =
  | { readonly role: 'disown'; readonly folder: string }
  /** `blind`: for those who test the torture, a writer that does not take no for an answer. */
  | { readonly role: 'write'; readonly folder: string; readonly seed: number; readonly blind: boolean };

class LeaseWriter {
  readonly #folder: string;
  readonly #blind: boolean;
  readonly #random: Random;
  #session = 0;

  constructor({ folder, blind, seed }: LeaseOrder & { role: 'write' }) {
    this.#folder = folder;
    this.#blind = blind;
    this.#random = new Random(seed);
  }

  async go(): Promise<never> {
    for (;;) {
      const store = await this.#open();
      if (store === undefined) continue;
      this.#session += 1;
      // lmdb gives a second environment of this process the same file.
      const environment = await openLmdb(this.#folder, { writable: true, label: this.#folder });
      await this.#write(store, environment);
      await environment.close();
      await store.close();
      say('closed', this.#session);
      await sleep(this.#random.below(10));
    }
  }

  async #open(): Promise<Store | undefined> {
    try {
      return await openStore(this.#folder, { waitMs: 500 });
    } catch (error) {
      if (codeOf(error) !== 'STORE_LOCKED') throw error;
      say('locked out');
      return undefined;
    }
  }

  async #write(store: Store, environment: LmdbEnvironment): Promise<void> {
    const { epoch } = readState(environment.tables, this.#folder);
    say('open', this.#session, epoch);
    const stamp = `${epoch}/${process.pid}.${this.#session}`;
    for (let left = 20 + this.#random.below(150); left > 0; left -= 1) {
      const events = Array.from({ length: 1 + this.#random.below(3) }, () => logLine({ message: stamp }));
      try {
        const { last } = await store.port.append(batchOf(...events));
        say('appended', last, stamp);
      } catch (error) {
        if (codeOf(error) !== 'STORE_LOCKED') throw error;
        say('fenced', this.#session);
        if (!this.#blind) return;
        environment.transact(() => writeState(environment.tables, { ...readState(environment.tables, this.#folder), epoch }));
      }
      if (this.#random.oneIn(4)) await sleep(1 + this.#random.below(4));
    }
  }
}

/** Writes that the holder had started at another time: who comes next takes it for another process, and the holder for gone. */
async function disown({ folder }: LeaseOrder): Promise<void> {
  const environment = await openLmdb(folder, { writable: true, label: folder });
  let pid = 0;
  environment.transact(() => {
    const bytes = environment.tables.meta.get(META.lease);
    if (bytes === undefined) return;
    // The checksum held: this is what the holder wrote.
    const holder = openRecord(bytes, { table: 'meta', key: META.lease, label: folder }) as ProcessIdentity;
    environment.tables.meta.putSync(META.lease, record('meta', META.lease, { ...holder, start: '1' }));
    ({ pid } = holder);
  });
  await environment.close();
  say('disowned', pid);
}

obey<LeaseOrder>((order) => (order.role === 'disown' ? disown(order) : new LeaseWriter(order).go()));
