import fc from 'fast-check';
import { expect, test } from 'vitest';
import { materialize, testOp, type LoggedEvent, type StepError } from '../../../index.ts';
import { dataVersion } from '../../../lib/kernel/value/version.ts';
import { behaviours } from '../../kit/world-op.ts';
import { worldCase } from '../../kit/arbitraries.ts';
import { defineWorld } from '../../kit/define-world.ts';
import { untyped } from '../rig/untyped.ts';
import { logOf, watchedStore } from '../rig/watched-store.ts';

/** One execution of a body in a run, as the body saw it. */
interface Seen {
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly selected: ReadonlySet<string>;
}

/** The outputs that came out of a step with a value, with its version. */
function versionsOf(event: Extract<LoggedEvent, { readonly type: 'step-settled' }>): Readonly<Record<string, string>> {
  return Object.fromEntries(event.outputs.flatMap(({ output, state }) => (state.state === 'value' ? [[output, state.version]] : [])));
}

test('the same op gives the same in testOp and in a run, whatever it does and in whichever form it is written', async () => {
  let compared = 0;
  let failed = 0;
  const cases = worldCase({ maxRuns: 1, maxSteps: 6, behaviours: [...behaviours, 'throw'] });
  await fc.assert(
    fc.asyncProperty(cases, async ({ world, runs }) => {
      const seen = new Map<string, Seen>();
      const defs = defineWorld(world, { watch: (step, inputs, selected) => seen.set(step, { inputs, selected }) });
      const { store } = watchedStore();
      const { select = new Set() } = runs[0] ?? {};
      const result = await materialize(defs, untyped({ store, sources: world.sources, select: [...select], throwOnFailure: false }));
      const settled = new Map(
        (await logOf(store)).flatMap((event) => (event.type === 'step-settled' ? [[event.step, event] as const] : [])),
      );
      // Calling the body again tells of it again, under the name of its op.
      for (const [step, { inputs, selected }] of new Map(seen)) {
        const event = settled.get(step);
        const target = defs.graph.steps.find(({ path }) => path === step)?.op;
        if (event === undefined || target === undefined) throw new Error(`step ${step} ran and is not there`);
        const tested: unknown = await testOp(untyped(target), untyped({ inputs, select: [...selected] })).catch((error: unknown) => ({
          error,
        }));
        const { error } = untyped<{ readonly error?: StepError }>(Object(tested));
        compared += 1;
        const inRun = result.errors.find(({ details }) => details['step'] === step);
        expect([error?.code, error?.cause]).toEqual([inRun?.code, inRun?.cause]);
        if (event.outcome === 'failed') failed += 1;
        const values =
          error !== undefined ? {} : target.declaresOutputs ? untyped<Readonly<Record<string, unknown>>>(tested) : { result: tested };
        expect(Object.fromEntries(Object.entries(values).map(([output, value]) => [output, dataVersion(value)]))).toEqual(
          versionsOf(event),
        );
      }
    }),
    { numRuns: 150 },
  );
  // Or the law would hold of nothing.
  expect(compared).toBeGreaterThan(100);
  expect(failed).toBeGreaterThan(5);
});
