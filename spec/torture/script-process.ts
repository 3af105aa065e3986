import { closeSync, openSync, writeSync } from 'node:fs';
import type { CursorStore, StorePort } from '../../lib/events/store-port.ts';
import type { Store } from '../../lib/events/store.ts';
import { backupStore } from '../../store/backup.ts';
import { compactStore } from '../../store/compact.ts';
import { openStore } from '../../store/open-store.ts';
import { restoreStore } from '../../store/restore.ts';
import { examine, type Examination } from './examine.ts';
import { SOURCES } from './script-epochs.ts';
import {
  CURSORS,
  makeScript,
  placesOf,
  prune,
  TIME,
  writesOf,
  type Piece,
  type OffsetHabit,
  type ScriptName,
  type ScriptStep,
} from './script.ts';

// The process that plays scripts, under strace or on a disk without room, and that looks at what is left of stores.

/** What the process is told. */
export type ScriptOrder =
  /** Plays a script in a folder that is there, and writes what was promised into a file. */
  | {
      readonly do: 'play';
      readonly folder: string;
      readonly script: ScriptName;
      readonly steps?: StepRange;
      readonly sayings?: string;
      /** Whether it promises what is refused too: to see that somebody notices. */
      readonly isLiar?: boolean;
      readonly habit?: OffsetHabit;
    }
  | { readonly do: 'examine'; readonly folder: string };

/** Some of a script's steps: from one on, up to and without another one. */
export interface StepRange {
  readonly from: number;
  readonly to: number;
}

/** What was promised: the pieces that are written, where cursors are, and the care that was taken. */
export type Promised =
  | { readonly piece: Piece }
  | { readonly cursor: string; readonly position: number }
  | { readonly done: 'backup' | 'compact' | 'restore'; readonly step: number }
  /** From here on, values may be gone that nothing needs. */
  | { readonly begun: 'prune' }
  /** The piece, or whatever else it was, is not written. */
  | { readonly refused: string };

/** What was refused, and how. */
export interface Refused {
  readonly step: number;
  readonly what: string;
  readonly code: string;
  readonly message: string;
}

/** What it says. */
export type ScriptReply =
  Examination | { readonly said: 'played'; readonly promised: readonly Promised[]; readonly refused: readonly Refused[] };

class Player {
  readonly promised: Promised[] = [];
  readonly refused: Refused[] = [];
  readonly #folder: string;
  readonly #isLiar: boolean;
  readonly #habit: OffsetHabit;
  readonly #sayings: number | undefined;
  #store: Store | undefined;

  constructor({ folder, sayings, isLiar = false, habit = {} }: Extract<ScriptOrder, { readonly do: 'play' }>) {
    this.#folder = folder;
    this.#isLiar = isLiar;
    this.#habit = habit;
    this.#sayings = sayings === undefined ? undefined : openSync(sayings, 'a');
  }

  async play(steps: readonly ScriptStep[], { from, to }: StepRange): Promise<void> {
    for (const [index, step] of steps.entries()) {
      if (index < from || index >= to) continue;
      const refusals = this.refused.length;
      await this.#step(step, index);
      if (this.refused.length > refusals) await this.#goOn(index);
    }
    await this.#close();
    if (this.#sayings !== undefined) closeSync(this.#sayings);
  }

  async #step(step: ScriptStep, index: number): Promise<void> {
    if (step.do === 'append' || step.do === 'put') return this.#write(step, index);
    await this.#try(index, step.do, async () => {
      if (step.do === 'cursor') return this.#setCursor(step.name);
      if (step.do === 'reopen') return this.#close();
      if (step.do === 'prune') {
        this.#promise({ begun: 'prune' });
        return prune(await this.#opened());
      }
      await this.#care(step.do);
      this.#promise({ done: step.do, step: index });
    });
  }

  async #write(step: ScriptStep, index: number): Promise<void> {
    let writes: ReturnType<typeof writesOf> = [];
    await this.#try(index, 'open', async () => void (writes = writesOf(step, await this.#opened(), this.#habit)));
    if (writes.length === 0) return;
    await Promise.all(
      writes.map((write, at) =>
        this.#try(index, `${index}/${at}`, async () => {
          if (this.#isLiar) this.#promise({ piece: `${index}/${at}` });
          await write();
          this.#promise({ piece: `${index}/${at}` });
        }),
      ),
    );
  }

  async #care(what: 'backup' | 'compact' | 'restore'): Promise<void> {
    const { store, backup, restored } = placesOf(this.#folder);
    if (what === 'backup') await backupStore(store, backup, { now: () => TIME });
    if (what === 'restore') await restoreStore(backup, restored);
    if (what === 'compact') {
      await this.#close();
      await compactStore(store);
    }
  }

  async #setCursor(name: string): Promise<void> {
    const { port } = await this.#opened();
    const position = await port.head();
    // Every store on disk keeps cursors.
    await (port as StorePort & CursorStore).setCursor(name, position);
    this.#promise({ cursor: name, position });
  }

  /** Sees that the store that is open goes on after it refused something. */
  async #goOn(step: number): Promise<void> {
    // Every store on disk keeps cursors. This one counts for nothing.
    const port = this.#store?.port as (StorePort & CursorStore) | undefined;
    // A fault is one call: what comes next has none.
    await this.#try(step, 'go on', async () => port?.setCursor('try', 0));
  }

  async #opened(): Promise<Store> {
    return (this.#store ??= await openStore(placesOf(this.#folder).store, { now: () => TIME }));
  }

  async #close(): Promise<void> {
    const store = this.#store;
    this.#store = undefined;
    await store?.close();
  }

  async #try(step: number, what: string, body: () => Promise<void>): Promise<void> {
    try {
      await body();
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : 'none';
      this.refused.push({ step, what, code, message: String(error) });
      this.#promise({ refused: what });
    }
  }

  /** In one call, so that it stands in the trace behind all that it promises. */
  #promise(promised: Promised): void {
    this.promised.push(promised);
    if (this.#sayings !== undefined) writeSync(this.#sayings, `${JSON.stringify(promised)}\n`);
  }
}

async function obey(order: ScriptOrder): Promise<ScriptReply> {
  if (order.do === 'examine') return examine(order.folder, { cursors: CURSORS, sources: SOURCES });
  const player = new Player(order);
  await player.play(makeScript(order.script), order.steps ?? { from: 0, to: Infinity });
  return { said: 'played', promised: player.promised, refused: player.refused };
}

if (process.send !== undefined) {
  process.on('disconnect', () => process.exit(1));
  process.on('message', (order: ScriptOrder) => void obey(order).then((reply) => process.send?.(reply)));
}
