import { decodeValue } from '../../lib/kernel/value/decode.ts';
import type { CheckedRun, SettledEvent } from './checked-run.ts';
import type { CheckName, Finding } from './check-finding.ts';
import { shown } from './check-print.ts';

type State = SettledEvent['outputs'][number];

interface Seen {
  readonly step: SettledEvent;
  readonly run: CheckedRun;
}

/**
 * Compares executions of steps across runs: a step whose inputs are the same has to give the same on every output that both were asked for.
 * What is found is blamed on the step that differs first, not on what is downstream of it.
 */
export class Consistency {
  readonly #seen = new Map<string, Seen>();
  readonly #isTrusted: (step: SettledEvent) => boolean;

  /** @param isTrusted whether a step is one of which nothing is expected: volatile, stateful, or downstream of such a step */
  constructor(isTrusted: (step: SettledEvent) => boolean) {
    this.#isTrusted = isTrusted;
  }

  /** Adds the executions of a run, and gives the first one that differs from an earlier one. */
  async add(run: CheckedRun, check: CheckName): Promise<Finding | undefined> {
    for (const step of run.steps) {
      if ((step.outcome !== 'succeeded' && step.outcome !== 'failed') || this.#isTrusted(step)) continue;
      const inputs = JSON.stringify([step.definition, step.step, step.config, step.inputs.map(({ input, state }) => [input, state])]);
      const seen = this.#seen.get(inputs);
      const finding = seen === undefined ? undefined : await compare(seen, { step, run }, check);
      if (finding !== undefined) return finding;
      if (seen === undefined || seen.step.outputs.length < step.outputs.length) this.#seen.set(inputs, { step, run });
    }
    return undefined;
  }
}

async function compare(before: Seen, now: Seen, check: CheckName): Promise<Finding | undefined> {
  const asked = [before, now].map(({ step }) => step.outputs.map(({ output }) => output).toSorted());
  const isAskedAlike = asked[0]?.join() === asked[1]?.join();
  if (before.step.outcome !== now.step.outcome) return failing(before, now, isAskedAlike ? check : 'together');
  if (now.step.outcome === 'failed') return undefined;
  for (const state of now.step.outputs) {
    const other = before.step.outputs.find(({ output }) => output === state.output);
    if (other === undefined || isSame(other, state)) continue;
    return differing({ state: other, ...before }, { state, ...now }, isAskedAlike ? check : 'together');
  }
  return undefined;
}

function isSame(a: State, b: State): boolean {
  if (a.state.state !== b.state.state) return false;
  if (a.state.state !== 'value' || b.state.state !== 'value') return true;
  // What is never kept has a version of its own in every run.
  return a.state.version === b.state.version || b.state.version.startsWith('run:');
}

const cures: Readonly<Partial<Record<CheckName, string>>> = {
  deterministic: 'Give the op what it reads as an input or a resource; or declare it volatile: true, and it is never reused.',
  together: 'Compute each output from the inputs alone, whatever else is asked for; or declare outputsTogether: true.',
  order: 'It reads what another step leaves behind. Wire that as an input: then it waits for it.',
};
const HIDDEN = 'It reads something that is no input: a variable that another step or an earlier run has set. Wire that as an input.';

type Stated = Seen & { readonly state: State };

async function differing(before: Stated, now: Stated, check: CheckName): Promise<Finding> {
  const where = `step "${now.step.step}"`;
  const [a, b] = [await valueOf(before), await valueOf(now)];
  return {
    check,
    problem: `${where} gives on "${now.state.output}" ${a} and then ${b}, for the same inputs.`,
    cure: cures[check] ?? HIDDEN,
    evidence: [said(before, `"${now.state.output}" is ${a}`), said(now, `"${now.state.output}" is ${b}`)],
  };
}

function failing(before: Seen, now: Seen, check: CheckName): Finding {
  const failed = [before, now].find(({ step }) => step.outcome === 'failed') ?? now;
  const isMissing = failed.step.error?.code === 'OUTPUT_MISSING';
  return {
    check: isMissing ? 'required' : check,
    problem: `step "${now.step.step}" fails in one run and succeeds in another, for the same inputs: ${failed.step.error?.message ?? ''}`,
    cure: isMissing ? 'Emit it whenever selectedOutputs has it.' : (cures[check] ?? HIDDEN),
    evidence: [before, now].map((seen) => said(seen, `the step ${seen.step.outcome}`)),
  };
}

function said({ step, run }: Seen, what: string): string {
  const asked = step.outputs.map(({ output }) => output).join(', ');
  return `${run.name}, asked for ${asked}: ${what}`;
}

async function valueOf({ state: { state, address }, run }: Stated): Promise<string> {
  if (state.state !== 'value') return state.state;
  if (address === null) return 'a value';
  const [bytes] = await run.store.port.values([address]);
  try {
    return bytes === undefined ? 'a value' : shown(decodeValue(bytes));
  } catch {
    // A codec wrote it.
    return `a value of version ${state.version}`;
  }
}
