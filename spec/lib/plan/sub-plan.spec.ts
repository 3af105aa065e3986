import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { plan, type Plan } from '../../../index.ts';
import { subPlan } from '../../../lib/plan/sub-plan.ts';
import { assetsOf, world } from '../../kit/arbitraries.ts';
import { defineWorld } from '../../kit/define-world.ts';

interface Case {
  readonly whole: Plan;
  readonly running: ReadonlySet<number>;
}

const cases: fc.Arbitrary<Case> = fc
  .record({
    world: world({ maxDefinitions: 2 }),
    chosen: fc.array(fc.boolean(), { minLength: 30, maxLength: 30 }),
    isLoading: fc.boolean(),
  })
  .map(({ world: shape, chosen, isLoading }) => {
    const select = assetsOf(shape).filter((_, index) => chosen[29 - index] !== true);
    const whole = plan(defineWorld(shape), { select, ...(isLoading && { inGraphUpstream: 'load', crossGraphUpstream: 'load' }) });
    return { whole, running: new Set(whole.steps.flatMap(({ index }) => (chosen[index] === true ? [index] : []))) };
  });

describe('a part of a plan', () => {
  test('has the steps that run, as they are in the whole, and those that they read, without their inputs', () =>
    fc.assert(
      fc.property(cases, ({ whole, running }) => {
        const { plan: part, whole: indices } = subPlan(whole, running);
        const read = [...running].flatMap((index) =>
          (whole.steps[index]?.inputs ?? []).flatMap(({ entries }) =>
            entries.flatMap((entry) => (entry.from === 'step' ? [entry.step] : [])),
          ),
        );
        expect(indices).toEqual([...new Set([...running, ...read])].toSorted((a, b) => a - b));
        expect(part.steps.map(({ index }) => index)).toEqual(part.steps.map((_, place) => place));
        for (const [place, planned] of part.steps.entries()) {
          const index = indices[place] ?? -1;
          expect(planned.step).toBe(whole.steps[index]?.step);
          const isAlone = planned.inputs.length === 0 && planned.predecessors.length === 0;
          const isWhole = planned.needed === whole.steps[index]?.needed && planned.selectedOutputs === whole.steps[index].selectedOutputs;
          expect(running.has(index) ? isWhole : isAlone).toBe(true);
        }
      }),
    ));

  test('has entries that point at the same steps as in the whole, and predecessors that come before', () =>
    fc.assert(
      fc.property(cases, ({ whole, running }) => {
        const { plan: part, whole: indices } = subPlan(whole, running);
        for (const planned of part.steps) {
          const index = indices[planned.index] ?? -1;
          if (!running.has(index)) continue;
          const moved = planned.inputs.map(({ entries, ...input }) => ({
            ...input,
            entries: entries.map((entry) => (entry.from === 'step' ? { ...entry, step: indices[entry.step] } : entry)),
          }));
          expect(moved).toEqual(whole.steps[index]?.inputs);
          const before = planned.predecessors.map((each) => indices[each] ?? -1);
          expect([...before].toSorted((a, b) => a - b)).toEqual(
            (whole.steps[index]?.predecessors ?? []).filter((each) => indices.includes(each)).toSorted((a, b) => a - b),
          );
          expect(planned.predecessors.every((each) => each < planned.index)).toBe(true);
        }
      }),
    ));

  test('asks a step that does not run for exactly what is read of it', () =>
    fc.assert(
      fc.property(cases, ({ whole, running }) => {
        const { plan: part, whole: indices } = subPlan(whole, running);
        for (const { index, step, needed, selectedOutputs } of part.steps) {
          if (running.has(indices[index] ?? -1)) continue;
          const read = part.steps.flatMap(({ inputs }) =>
            inputs.flatMap(({ entries }) =>
              entries.flatMap((entry) => (entry.from === 'step' && entry.step === index ? [entry.output] : [])),
            ),
          );
          expect(new Set(needed)).toEqual(new Set(read));
          expect([...selectedOutputs]).toEqual(needed.map((output) => step.outputs[output]?.name));
        }
      }),
    ));

  test('has selected what was selected of the steps that run, and leaves the whole as it is', () =>
    fc.assert(
      fc.property(cases, ({ whole, running }) => {
        const before = whole.steps.map(({ inputs, needed }) => [inputs, needed]);
        const { plan: part } = subPlan(whole, running);
        const own = [...running].flatMap((index) => whole.steps[index]?.step.outputs.flatMap(({ key }) => key ?? []) ?? []);
        expect([...part.selection].toSorted()).toEqual(own.filter((key) => whole.selection.has(key)).toSorted());
        expect([part.policies, part.mode, part.defs]).toEqual([whole.policies, whole.mode, whole.defs]);
        expect(whole.steps.map(({ inputs, needed }) => [inputs, needed])).toEqual(before);
        expect([Object.isFrozen(part), Object.isFrozen(part.steps), part.steps.every(Object.isFrozen)]).toEqual([true, true, true]);
      }),
    ));

  test('may be nothing', () => {
    for (const { whole } of fc.sample(cases, 5)) {
      const { plan: part, whole: indices } = subPlan(whole, new Set());
      expect([part.steps, part.selection.size, indices]).toEqual([[], 0, []]);
    }
  });
});
