import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Store } from '../../../lib/events/store.ts';
import type { LoggedEvent, NewEvent } from '../../../lib/events/logged-event.ts';
import { memoryStore } from '../../../lib/memory/index.ts';
import type { LineageEdge } from '../../../lib/query/lineage-graph.ts';
import type { Lineage } from '../../../lib/query/lineage.ts';
import { lineage } from '../../../operators/read/lineage.ts';
import { openStore } from '../../../store/open-store.ts';
import { worldCase, type CaseConstraints } from '../../kit/arbitraries.ts';
import type { WorldCase, WorldRun } from '../../kit/world-case.ts';
import { defineWorld, type DefinableWorld } from '../../kit/define-world.ts';
import { evaluate, type State, type WorldEntry } from '../../kit/reference.ts';
import { batchOf } from '../../kit/sample-events.ts';
import { engineRuns } from '../../kit/account.ts';
import { NaiveLog, type NaiveLineage } from '../../lib/query/naive-lineage.ts';
import { randomLog } from '../../lib/query/random-log.ts';
import { newFolder } from '../../store/folder.ts';
import { logOf } from '../rig/watched-store.ts';

const cases: CaseConstraints = { maxDefinitions: 3, policies: { crossGraphUpstream: ['load'] } };

async function played({ world, runs }: WorldCase): Promise<Store> {
  const store = memoryStore();
  const defs = defineWorld(world);
  for (const run of runs) await engineRuns(defs, run, { store, sources: world.sources });
  return store;
}

/** Events that may be appended again as they are. */
function unplaced(log: readonly LoggedEvent[]): readonly NewEvent[] {
  // What a run or a put has recorded is of a known kind.
  return log.map(({ position: _, ...event }) => event as NewEvent);
}

async function storeOf(events: readonly NewEvent[]): Promise<Store> {
  const store = memoryStore();
  await store.port.append(batchOf(...events));
  return store;
}

interface Version {
  readonly key: string;
  readonly position: number;
}

const kinds = new Set(['source-observed', 'asset-materialized', 'asset-unchanged', 'asset-absent']);

/** Everything that a lineage can be asked of. */
function versionsIn(log: readonly LoggedEvent[]): readonly Version[] {
  return log.flatMap((event) => ('key' in event && kinds.has(event.type) ? [{ key: event.key, position: event.position }] : []));
}

const text = ({ from, to, input, kind }: LineageEdge): string => `${from} ${input} ${kind} ${to}`;
const idsOf = ({ nodes }: Lineage): ReadonlySet<string> => new Set(nodes.map(({ id }) => id));

function together(...parts: readonly NaiveLineage[]): NaiveLineage {
  return { nodes: new Set(parts.flatMap(({ nodes }) => [...nodes])), edges: parts.flatMap(({ edges }) => edges) };
}

async function expectAsNaive(log: readonly LoggedEvent[], store: Store): Promise<void> {
  const naive = new NaiveLog(log);
  for (const { key, position } of versionsIn(log)) {
    for (const depth of [Infinity, 0, 1, 2]) {
      const start = String(position);
      const [back, forward] = [naive.from(start, 'back', depth), naive.from(start, 'forward', depth)];
      for (const [direction, wanted] of [
        ['back', back] as const,
        ['forward', forward] as const,
        ['both', together(back, forward)] as const,
      ]) {
        const got = await lineage(store, key, { position, direction, depth });
        expect([position, direction, depth, idsOf(got)]).toEqual([position, direction, depth, wanted.nodes]);
        expect(got.edges.map(text).toSorted()).toEqual(wanted.edges.toSorted());
      }
    }
  }
}

describe('the lineage of every version', () => {
  test('is what the whole log says, after any runs on any world', () =>
    fc.assert(
      fc.asyncProperty(worldCase(cases), async (shape) => {
        const store = await played(shape);
        await expectAsNaive(await logOf(store), store);
      }),
      { numRuns: 30 },
    ));

  test('is what the whole log says, also where assets were recorded without their step', () =>
    fc.assert(
      fc.asyncProperty(randomLog(), async (events) => {
        const store = await storeOf(events);
        await expectAsNaive(await logOf(store), store);
      }),
      { numRuns: 30 },
    ));

  test('is closed: each edge joins nodes that are there, from an earlier one to a later one, and all are reached', () =>
    fc.assert(
      fc.asyncProperty(randomLog(), async (events) => {
        const store = await storeOf(events);
        for (const { key, position } of versionsIn(await logOf(store))) {
          const { nodes, edges, start } = await lineage(store, key, { position, direction: 'both' });
          const places = new Map(nodes.map(({ id }, place) => [id, place]));
          expect(places.get(start)).toBeDefined();
          for (const { from, to } of edges) expect(places.get(from)).toBeLessThan(places.get(to) ?? -1);
          expect(nodes.map((node) => node.position)).toEqual(nodes.map((node) => node.position).toSorted((a, b) => a - b));
          expect(edges.map(({ to }) => places.get(to))).toEqual(edges.map(({ to }) => places.get(to)).toSorted((a = 0, b = 0) => a - b));
        }
      }),
    ));

  test('leads back to versions that lead forward to it', () =>
    fc.assert(
      fc.asyncProperty(worldCase(cases), async (shape) => {
        const store = await played(shape);
        for (const { key, position } of versionsIn(await logOf(store))) {
          const back = await lineage(store, key, { position });
          for (const node of back.nodes) {
            if (!('key' in node)) continue;
            const forward = await lineage(store, node.key, { position: node.position, direction: 'forward' });
            expect(idsOf(forward)).toContain(back.start);
          }
        }
      }),
      { numRuns: 30 },
    ));

  test('ends at the sources that the graph and the selections say, run after run', () =>
    fc.assert(
      fc.asyncProperty(worldCase(cases), async ({ world, runs }) => {
        const defs = defineWorld(world);
        const store = memoryStore();
        const expected = new ExpectedSources(world);
        for (const run of runs) {
          await engineRuns(defs, run, { store, sources: world.sources });
          expected.run(run);
          for (const [key, sources] of expected.stored) {
            const { nodes } = await lineage(store, key);
            const found = nodes.flatMap((node) => (node.kind === 'source' ? [node.key] : []));
            expect([key, new Set<string>(found)]).toEqual([key, sources]);
          }
        }
      }),
      { numRuns: 100 },
    ));

  test('is the same on disk', async () => {
    await fc.assert(
      fc.asyncProperty(worldCase(cases), async (shape) => {
        const log = await logOf(await played(shape));
        const onDisk = await openStore(await newFolder());
        const inMemory = await storeOf(unplaced(log));
        if (log.length > 0) await onDisk.port.append(batchOf(...unplaced(log)));
        for (const { key, position } of versionsIn(log)) {
          const options = { position, direction: 'both' } as const;
          const [one, two] = [await lineage(inMemory, key, options), await lineage(onDisk, key, options)];
          expect(JSON.stringify(two)).toBe(JSON.stringify(one));
          expect(two.toMermaid()).toBe(one.toMermaid());
        }
        await onDisk.close();
      }),
      { numRuns: 15 },
    );
  });
});

/** From which sources each asset is made, by the wiring and by what each run selects alone. */
class ExpectedSources {
  readonly stored = new Map<string, ReadonlySet<string>>();
  readonly #states = new Map<string, State>();
  readonly #world: DefinableWorld;

  constructor(world: DefinableWorld) {
    this.#world = world;
  }

  run(run: WorldRun): void {
    const { missing, outcomes, unexpected, steps } = evaluate(this.#world, { ...run, stored: new Map(this.#states) });
    if (missing.size > 0) return;
    const made = new Map<string, ReadonlySet<string>>();
    for (const [key, state] of [...outcomes, ...unexpected]) {
      // What stays absent is not recorded again.
      if (state === 'failed' || state === 'blocked' || (state === 'absent' && this.#states.get(key) === 'absent')) continue;
      const id = [...steps.keys()].find((each) => Object.values(this.#world.steps[each]?.outputs ?? {}).some(({ asset }) => asset === key));
      if (id !== undefined) made.set(key, this.#sourcesOf(id, run));
    }
    for (const [key, sources] of made) this.stored.set(key, sources);
    for (const [key, state] of [...outcomes, ...unexpected]) if (state !== 'failed' && state !== 'blocked') this.#states.set(key, state);
  }

  #sourcesOf(id: string, run: WorldRun): ReadonlySet<string> {
    const step = this.#world.steps[id];
    const entries = step?.inputs.flatMap((input) => input.entries) ?? [];
    return new Set(entries.flatMap((entry) => [...this.#sourcesOfEntry(entry, step?.definition ?? '', run)]));
  }

  #sourcesOfEntry(entry: WorldEntry, reader: string, run: WorldRun): Iterable<string> {
    if ('source' in entry) return [entry.source];
    const producer = this.#world.steps[entry.step];
    const asset = producer?.outputs[entry.output]?.asset;
    const policy = producer?.definition === reader ? run.inGraphUpstream : run.crossGraphUpstream;
    if (asset === undefined || run.select.has(asset) || policy !== 'load') return this.#sourcesOf(entry.step, run);
    return this.stored.get(asset) ?? [];
  }
}
