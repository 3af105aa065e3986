import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { pruneStore } from '../../lib/events/prune.ts';
import { forgetRows } from '../../lib/events/recent-rows.ts';
import type { Store } from '../../lib/events/store.ts';
import { Keyed } from '../../lib/kernel/keyed/keyed.ts';
import { memoryStore } from '../../lib/memory/index.ts';
import { runGraph } from '../../operators/face/run-graph.ts';
import { memoriesOf } from '../../operators/run/keyed-memories.ts';
import { refresh } from '../../operators/run/refresh.ts';
import { openStore } from '../../store/open-store.ts';
import { verifyStore } from '../../store/verify.ts';
import { newFolder } from '../store/folder.ts';
import { anyMove, anyWorld, definitionsOf, edited, rebuilt, worldOf, type Move, type Tables } from './keyed-world.ts';

/** A store that a history is played on. */
interface Played {
  store: Store;
  readonly reopen: () => Promise<void>;
}

/** Every asset of a world. */
const ALL = ['one', 'two', 'end', 'listed', 'rows'] as const;

type World = ReturnType<typeof worldOf>;

/** Plays one history, and holds each refreshed asset to what the full computation gives on the last inputs. */
class History {
  readonly #world: World;
  readonly #played: Played;
  #tables: Tables;
  #defs: ReturnType<typeof definitionsOf>;
  /** What a run is given, which counts from that run on. */
  #given: Partial<Tables> = {};
  /** What was read at a position, for later. */
  readonly #seen: { readonly key: string; readonly position: number; readonly version: string }[] = [];
  #isPruned = false;

  constructor(world: World, played: Played, tables: Tables) {
    this.#world = world;
    this.#played = played;
    this.#tables = tables;
    this.#defs = definitionsOf(world);
  }

  async start(): Promise<void> {
    await this.#played.store.put('a', this.#tables.a);
    await this.#played.store.put('b', this.#tables.b);
  }

  async play(move: Move): Promise<void> {
    const { store } = this.#played;
    switch (move.move) {
      case 'put':
      case 'follow':
        this.#tables = { ...this.#tables, [move.table]: edited(this.#tables[move.table], move.edits) };
        this.#given = { ...this.#given, [move.table]: undefined };
        await store.put(move.table, this.#tables[move.table]);
        if (move.move === 'follow') await this.#refresh(ALL);
        break;
      case 'given':
        this.#tables = { ...this.#tables, [move.table]: rebuilt(edited(this.#tables[move.table], move.edits)) };
        this.#given = { ...this.#given, [move.table]: this.#tables[move.table] };
        break;
      case 'refresh':
        await this.#refresh(move.select);
        break;
      case 'forget-memory':
        memoriesOf(store.port).clear();
        break;
      case 'forget-rows':
        forgetRows();
        break;
      case 'reopen':
        await this.#played.reopen();
        break;
      case 'prune':
        this.#isPruned = true;
        await pruneStore(store, { versions: 1, runs: 0 });
        break;
      default:
        this.#defs = definitionsOf(this.#world);
    }
  }

  async #refresh(select: Extract<Move, { readonly move: 'refresh' }>['select']): Promise<void> {
    const { store } = this.#played;
    const sources = Object.fromEntries(Object.entries(this.#given).filter(([, rows]) => rows !== undefined));
    const result = await refresh(this.#defs, { store, select, sources });
    this.#given = {};
    const full = await runGraph(this.#world, this.#tables);
    for (const key of select) {
      const value = await result.value(key);
      expectEqual(value, full[key]);
      expectEqual(await store.value(key), full[key]);
      const event = await store.latest(key);
      if (event !== undefined && 'version' in event) this.#seen.push({ key, position: event.position, version: event.version });
    }
  }

  /** What was said of changes that could not be followed: nothing, as all functions here give the same for the same row. */
  async complaints(): Promise<readonly string[]> {
    const said: string[] = [];
    for await (const event of this.#played.store.events()) if (event.type === 'log-line') said.push(event.message);
    return said;
  }

  /** Values of old positions that are others now (R3). */
  async misread(): Promise<readonly string[]> {
    const misread: string[] = [];
    for (const { key, position, version } of this.#isPruned ? [] : this.#seen) {
      const value = await this.#played.store.value(key, { position });
      if (value instanceof Keyed && value.version !== version) misread.push(`${key} at ${position}`);
    }
    return misread;
  }
}

function expectEqual(actual: unknown, expected: unknown): void {
  if (!(actual instanceof Keyed) || !(expected instanceof Keyed)) return expect(actual).toEqual(expected);
  expect([...actual]).toEqual([...expected]);
  expect(actual.version).toBe(expected.version);
}

const history = fc.array(anyMove, { minLength: 1, maxLength: 8 });

describe('keyed rows, from sources to assets', () => {
  test('are what the full computation gives, whatever was remembered and forgotten (I18, F9)', async () => {
    await fc.assert(
      fc.asyncProperty(anyWorld, history, async ({ flows, tables }, moves) => {
        const played: Played = { store: memoryStore(), reopen: async () => undefined };
        const each = new History(worldOf(flows), played, tables);
        await each.start();
        for (const move of [...moves, { move: 'refresh', select: ALL } as const]) await each.play(move);
        expect(await each.misread()).toEqual([]);
        expect(await each.complaints()).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  test('are so on disk, through restarts and prunes, and leave a whole store', async () => {
    await fc.assert(
      fc.asyncProperty(anyWorld, history, async ({ flows, tables }, moves) => {
        const folder = await newFolder();
        const played: Played = {
          store: await openStore(folder),
          reopen: async () => {
            await played.store.close();
            // Another process knows nothing of what this one read.
            forgetRows();
            played.store = await openStore(folder);
          },
        };
        const each = new History(worldOf(flows), played, tables);
        await each.start();
        for (const move of [...moves, { move: 'refresh', select: ['one', 'end', 'listed'] } as const]) await each.play(move);
        expect(await each.misread()).toEqual([]);
        expect(await each.complaints()).toEqual([]);
        await played.store.close();
        const { ok, findings } = await verifyStore(folder);
        expect(findings).toEqual([]);
        expect(ok).toBe(true);
      }),
      { numRuns: 8 },
    );
  });
});
