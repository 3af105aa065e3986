import { assetsFromGraph, define, graph, input, materialize, op, output, refresh, type Definitions } from 'sluice';
import { memoryStore } from 'sluice/store/memory';
import type { Figure } from './benchmark.ts';
import { busyWait } from './lanes.ts';
import { check, takeTurns } from './measure.ts';

const TURNS = 5;

/** A chain of bodies that pass a value on, as a graph and as what a bare loop calls. */
interface Chain<T> {
  readonly defs: Definitions<{ readonly end: T }>;
  readonly loop: () => T;
  readonly steps: number;
}

/** What a full run costs that keeps traces, beside a bare loop over the same bodies and beside a run that looks no trace up. */
export async function tracing(): Promise<readonly Figure[]> {
  const kilobyte = chainOf<string>(100, 'x'.repeat(1000), (value, step) => (busyWait(1), `${value.slice(8)}${String(step).padStart(8)}`));
  const rows = chainOf<readonly Row[]>(
    10,
    Array.from({ length: 10_000 }, (_, id) => ({ id, amount: id / 4 })),
    (value, step) => value.map(({ id, amount }) => ({ id, amount: amount + step })),
  );
  return [...(await compare('1 ms and 1 KB', kilobyte, 1 / 1.15)), ...(await compare('10,000 rows', rows)), ...(await derived())];
}

/** Rows that pass from op to op, with versions of their content and with derived ones. */
async function derived(): Promise<readonly Figure[]> {
  const rows = Array.from({ length: 10_000 }, (_, id) => ({ id, amount: id / 4 }));
  const body = (value: readonly Row[], step: number): readonly Row[] => value.map(({ id, amount }) => ({ id, amount: amount + step }));
  const [hashed, taken] = [rowsOf(rows, body, {}), rowsOf(rows, body, { version: 'derived' })];
  const wanted = JSON.stringify(hashed.loop());
  for (const { defs } of [hashed, taken])
    check(
      JSON.stringify(await (await refresh(defs, { store: memoryStore() })).value('end')) === wanted,
      'the chain gives what the loop gives',
    );
  const [bare, byContent, byOrigin] = await takeTurns(
    [hashed.loop, () => refresh(hashed.defs, { store: memoryStore() }), () => refresh(taken.defs, { store: memoryStore() })],
    TURNS,
  );
  const of = `${hashed.steps} ops, 10,000 rows, one asset`;
  return [
    { name: `${of}: versions of content`, value: byContent, unit: 'ms', against: { name: 'the bare loop', value: bare } },
    { name: `${of}: derived versions`, value: byOrigin, unit: 'ms', against: { name: 'the bare loop', value: bare } },
    {
      name: `${of}: derived versions`,
      value: byOrigin,
      unit: 'ms',
      against: { name: 'versions of content', value: byContent },
    },
  ];
}

type RowsBody = (value: readonly Row[], step: number) => readonly Row[];

/** The chain of rows again, with outputs that say how their versions are taken; the end is an asset in both. */
function rowsOf(start: readonly Row[], body: RowsBody, options: { readonly version?: 'derived' }): Chain<readonly Row[]> {
  const steps = 10;
  const first = op({
    name: 'first',
    codeVersion: '1',
    outputs: { rows: output<readonly Row[]>(options) },
    run: () => ({ rows: body(start, 0) }),
  });
  const wired = graph('chain', () => {
    let { rows: last } = first();
    for (let step = 1; step < steps; step += 1) {
      const isEnd = step === steps - 1;
      const next = op({
        name: `next_${step}`,
        codeVersion: '1',
        inputs: { value: input<readonly Row[]>() },
        outputs: { rows: output<readonly Row[]>(isEnd ? {} : options) },
        run: ({ value }) => ({ rows: body(value, step) }),
      });
      last = next({ value: last }).rows;
    }
    return { end: last };
  });
  const loop = (): readonly Row[] => Array.from({ length: steps }).reduce((value: readonly Row[], _, step) => body(value, step), start);
  return { defs: define({ assets: [assetsFromGraph(wired)] }), loop, steps };
}

interface Row {
  readonly id: number;
  readonly amount: number;
}

function chainOf<T>(steps: number, start: T, body: (value: T, step: number) => T): Chain<T> {
  const first = op({ name: 'first', codeVersion: '1', run: () => body(start, 0) });
  const wired = graph('chain', () => {
    let last = first();
    for (let step = 1; step < steps; step += 1) {
      const next = op({ name: `next_${step}`, codeVersion: '1', inputs: { value: input<T>() }, run: ({ value }) => body(value, step) });
      last = next({ value: last });
    }
    return { end: last };
  });
  const loop = (): T => {
    let value = start;
    for (let step = 0; step < steps; step += 1) value = body(value, step);
    return value;
  };
  return { defs: define({ assets: [assetsFromGraph(wired)] }), loop, steps };
}

async function compare<T>(what: string, { defs, loop, steps }: Chain<T>, atLeast?: number): Promise<readonly Figure[]> {
  const store = memoryStore();
  const made = await refresh(defs, { store });
  check(JSON.stringify(await made.value('end')) === JSON.stringify(loop()), 'the chain gives what the loop gives');
  const [bare, recompute, auto, refreshed] = await takeTurns(
    [
      loop,
      () => materialize(defs, { store: memoryStore(), inGraphUpstream: 'recompute' }),
      () => materialize(defs, { store: memoryStore() }),
      () => refresh(defs, { store: memoryStore() }),
    ],
    TURNS,
  );
  const of = `${steps} ops, ${what}`;
  const against = { name: 'the bare loop', value: bare, ...(atLeast !== undefined && { atLeast }) };
  return [
    { name: `${of}: the bare loop`, value: bare, unit: 'ms' },
    { name: `${of}: recompute`, value: recompute, unit: 'ms', against: { name: 'the bare loop', value: bare } },
    { name: `${of}: auto on an empty store`, value: auto, unit: 'ms', against },
    { name: `${of}: refresh on an empty store`, value: refreshed, unit: 'ms', against },
    { name: `${of}: refresh on an empty store`, value: refreshed, unit: 'ms', against: { name: 'recompute', value: recompute } },
  ];
}
