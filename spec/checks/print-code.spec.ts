import { compileFunction } from 'node:vm';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import * as sluice from '../../index.ts';
import { memoryStore } from '../../lib/memory/index.ts';
import * as testing from '../kit/index.ts';

const { defineWorld, printMermaid, printProgram, worldCase } = testing;
const { materialize } = sluice;

interface Came {
  readonly outcomes: ReadonlyMap<string, unknown>;
  readonly plan: { readonly hash: string };
}

/** Runs a printed program: its imports are given as what they import. */
async function execute(program: string): Promise<readonly Came[]> {
  const came: Came[] = [];
  const body = program.replaceAll(/^import .*\n/gm, '').replaceAll('console.log(', 'came(');
  const names = ['materialize', 'memoryStore', 'defineWorld', 'worldOp', 'came'];
  // What is compiled returns the promise of an async function.
  const run = compileFunction(`return (async () => {${body}})();`, names) as (...given: readonly unknown[]) => Promise<void>;
  await run(materialize, memoryStore, testing.defineWorld, testing.worldOp, (each: Came) => came.push(each));
  return came;
}

test('a printed program does what the case does', async () => {
  // What is missing is refused, and that is no run.
  const policies = { inGraphUpstream: ['recompute'], crossGraphUpstream: ['recompute'] } as const;
  const property = fc.asyncProperty(worldCase({ maxDefinitions: 2, maxSteps: 5, policies }), async ({ world, runs }) => {
    const [defs, store] = [defineWorld(world), memoryStore()];
    const came = await execute(printProgram({ world, runs }));
    for (const [index, { select, ...asked }] of runs.entries()) {
      const options = { ...asked, select: [...select], crossGraphUpstream: 'auto', throwOnFailure: false } as const;
      const result = await materialize(defs, { ...options, store, sources: world.sources });
      expect(came[index]?.outcomes).toEqual(result.outcomes);
      expect(came[index]?.plan.hash).toBe(result.plan.hash);
    }
  });
  await fc.assert(property, { numRuns: 40 });
});

test('a world is drawn with every step, source, asset and wire', () => {
  expect.hasAssertions();
  const property = fc.property(testing.world({ maxSteps: 6 }), (world) => {
    const drawn = printMermaid(world).split('\n');
    const steps = Object.values(world.steps);
    const wires = steps.flatMap(({ inputs }) => inputs.flatMap(({ entries }) => entries)).length;
    expect(drawn).toHaveLength(1 + Object.keys(world.sources).length + steps.length + wires);
    for (const key of testing.assetsOf(world))
      expect(drawn.filter((line) => line.includes(`= ${key}<`) || line.includes(`= ${key}"`))).toHaveLength(1);
  });
  fc.assert(property, { numRuns: 50 });
});

test('a case that fails is printed as text, as a program and as a drawing', () => {
  const { counterexample } = fc.check(
    fc.property(worldCase({ maxSteps: 2 }), () => false),
    { numRuns: 1 },
  );
  const printed = fc.stringify(counterexample?.[0]);
  expect(printed).toMatch(/\nrun \[.*\] discard, /);
  expect(printed).toMatch(/```ts\nimport \{ materialize \} from 'sluice';/);
  expect(printed).toMatch(/```mermaid\nflowchart TD\n/);
});
