import {
  asset,
  assetsFromGraph,
  define,
  graph,
  input,
  op,
  source,
  type Definitions,
  type LoggedEvent,
  type Store,
} from '../../../index.ts';
import type { AppendBatch, StorePort } from '../../../lib/events/store-port.ts';
import { createStore } from '../../../lib/events/store.ts';
import { logOf } from '../rig/watched-store.ts';

/** One call of a body. */
export interface Call {
  readonly step: string;
  readonly inputs: Readonly<Record<string, unknown>>;
}

/** What the assets of a {@link Workbench} are. */
export interface Made {
  readonly left: number;
  readonly right: number;
  readonly both: number;
  readonly report: string;
  readonly extra: number;
}

/** Definitions whose bodies a test can watch and break, and make again with other code. */
export interface Workbench {
  /** `feed → load → clean → left, right → both` in one graph; `report` reads `both`, `extra` the source `other`. */
  define(options?: { readonly plus?: number; readonly codeVersion?: string }): Definitions<Made>;
  /** Ids of steps whose bodies throw. */
  readonly broken: Set<string>;
  /** The calls of bodies since this, or `ran`, was asked last, in their order. */
  called(): readonly Call[];
  /** The ids of steps that ran since. */
  ran(): readonly string[];
}

/** Makes one. */
export function workbench(): Workbench {
  const broken = new Set<string>();
  const calls: Call[] = [];
  const call = (step: string, inputs: Call['inputs']): void => {
    calls.push({ step, inputs });
    if (broken.has(step)) throw new Error(`${step} is broken`);
  };
  const defineAll: Workbench['define'] = ({ plus = 0, codeVersion = '1' } = {}) => {
    const load = op({
      name: 'load',
      codeVersion,
      inputs: { feed: input<number>() },
      run: ({ feed }, { step }) => (call(step, { feed }), feed),
    });
    const clean = op({ name: 'clean', codeVersion, inputs: { x: input<number>() }, run: ({ x }, { step }) => (call(step, { x }), x + 1) });
    const add = op({
      name: 'add',
      codeVersion,
      inputs: { x: input<number>() },
      run: ({ x }, { step }) => (call(step, { x }), (step.endsWith('right') ? 100 : 10) * x + plus),
    });
    const sum = op({
      name: 'sum',
      codeVersion,
      inputs: { x: input<number>(), y: input<number>() },
      run: ({ x, y }, { step }) => (call(step, { x, y }), x + y),
    });
    const work = graph('work', { inputs: { feed: input<number>() } }, ({ feed }) => {
      const x = clean({ x: load({ feed }) });
      const left = add.as('left')({ x });
      const right = add.as('right')({ x });
      return { left, right, both: sum.as('both')({ x: left, y: right }) };
    });
    const report = asset({
      key: 'report',
      codeVersion,
      inputs: { both: input<number>() },
      run: ({ both }, { step }) => (call(step, { both }), `${both}`),
    });
    const extra = asset({
      key: 'extra',
      codeVersion,
      inputs: { other: input<number>() },
      run: ({ other }, { step }) => (call(step, { other }), other),
    });
    // The keys with their types, as one record.
    return define({
      assets: [source<number>('feed'), source<number>('other'), assetsFromGraph(work, { canSubset: true }), report, extra],
    }) as unknown as Definitions<Made>;
  };
  const called = (): readonly Call[] => calls.splice(0);
  return { define: defineAll, broken, called, ran: () => called().map(({ step }) => step) };
}

/** Runs that fail are what these tests are about. */
export const quiet = { throwOnFailure: false } as const;

/** A store whose process may die: from then on nothing can be written, until it is started again. */
export interface MortalStore {
  readonly store: Store;
  /** Says before each append whether the process dies there. */
  dies: (batch: AppendBatch) => boolean;
  restart(): void;
}

/** Makes one of a store's port. */
export function mortalStore({ port }: Store): MortalStore {
  let dead = false;
  const mortal: MortalStore = {
    store: createStore(
      wrappedPort(port, {
        append: async (batch) => {
          dead ||= mortal.dies(batch);
          if (dead) throw new Error('killed');
          return port.append(batch);
        },
      }),
      { now: () => 0 },
    ),
    dies: () => false,
    restart: () => {
      dead = false;
      mortal.dies = () => false;
    },
  };
  return mortal;
}

/** A port with some of its methods replaced. */
export function wrappedPort(port: StorePort, replaced: Partial<StorePort>): StorePort {
  return {
    label: port.label,
    append: (batch) => port.append(batch),
    head: () => port.head(),
    read: (from, limit) => port.read(from, limit),
    readable: (keys, at) => port.readable(keys, at),
    lastSettled: (outputs, at) => port.lastSettled(outputs, at),
    missed: (keys, at) => port.missed(keys, at),
    runs: () => port.runs(),
    values: (addresses) => port.values(addresses),
    has: (addresses) => port.has(addresses),
    close: () => port.close(),
    ...replaced,
  };
}

/** The events that one run has written. */
export async function eventsOf(store: Store, runId: string): Promise<readonly LoggedEvent[]> {
  return (await logOf(store)).filter((event) => 'runId' in event && event.runId === runId);
}

/** The ids of all runs, oldest first. */
export async function runIds(store: Store): Promise<readonly string[]> {
  return (await store.runs()).map(({ started }) => started.runId);
}
