import type { CheckedRun, SettledEvent } from './checked-run.ts';
import type { Finding } from './check-finding.ts';

/** What is known beside the runs. */
export interface Known {
  readonly mayFail: boolean;
  /** Inputs that a body changed, of those that cannot be frozen. */
  readonly mutated: readonly { readonly step: string; readonly input: string }[];
}

// What V8 says of a write to what is frozen. Whatever a body is given is.
const FROZEN = /read only property|object is not extensible|Cannot (?:delete|define|redefine) property/;

/** What is wrong with failed steps, and with bodies that change what they are given. */
export function judgeFailures(runs: readonly CheckedRun[], { mayFail, mutated }: Known): Finding | undefined {
  const failed = runs.flatMap((run) => run.steps.filter(({ outcome }) => outcome === 'failed').map((step) => ({ run, step })));
  for (const { run, step } of failed) {
    const said = saidBy(step);
    if (FROZEN.test(said)) return mutates(step.step, `what it is given is frozen: ${said}`, run.name);
    if (step.error?.code === 'OUTPUT_MISSING') return missing(step, said, run);
  }
  const [changed] = mutated;
  if (changed !== undefined)
    return mutates(changed.step, `its input "${changed.input}" is another one when it has ended`, runs[0]?.name ?? '');
  // What fails in one run alone is for those to judge who compare runs.
  const first = failed.find(({ run }) => run === runs.at(-1));
  if (first === undefined || mayFail) return undefined;
  return {
    check: 'fails',
    problem: `step "${first.step.step}" fails: ${saidBy(first.step)}`,
    cure: 'Give inputs on which the graph works; or say mayFail: true, where failing is right.',
    evidence: [first.run.name],
  };
}

function saidBy({ error }: SettledEvent): string {
  return error?.message ?? '';
}

function mutates(step: string, how: string, name: string): Finding {
  return {
    check: 'mutates',
    problem: `step "${step}" changes what it is given: ${how}.`,
    cure: 'Other steps read the same value. Work on a copy: toSorted(), structuredClone(), { ...record }.',
    evidence: [name],
  };
}

function missing(step: SettledEvent, said: string, { name }: CheckedRun): Finding {
  return {
    check: 'required',
    problem: said,
    cure: 'selectedOutputs says what it is asked for.',
    evidence: [`${name}, asked for ${step.outputs.map(({ output }) => output).join(', ')}`],
  };
}
