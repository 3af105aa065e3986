import { invariant } from '../kernel/invariant.ts';
import { quote } from '../kernel/print.ts';
import type { Plan } from '../plan/plan.ts';
import type { StepReason } from '../plan/reason.ts';
import { goneSentences, type Gone } from './gone.ts';

/** How one step of a run ended, as far as an explanation needs it. */
export interface ExplainableStep {
  readonly outcome: 'succeeded' | 'reused' | 'skipped' | 'failed' | 'blocked' | 'cancelled' | 'not-started';
  readonly error: Error | undefined;
  readonly blockedBy: readonly string[];
  /** Why it ran; `undefined` where it did not. */
  readonly reason: StepReason | undefined;
}

/** A run that is over: what `materialize`, `refresh` and `reexecute` resolve with. */
export interface ExplainableRun {
  readonly plan: Plan;
  /** By id. */
  readonly steps: ReadonlyMap<string, ExplainableStep>;
  /** By printed key. */
  readonly outcomes: ReadonlyMap<string, string>;
  /** What a refresh found in the store that the definitions have left behind. */
  readonly gone?: Gone | undefined;
}

/** What happened to one step or one asset, in a sentence. */
export interface Explained {
  /** A step's id, or an asset's key. */
  readonly of: string;
  readonly sentence: string;
}

/** One sentence for every step of a run and every asset of its selection. */
export interface RunExplanation {
  readonly steps: readonly Explained[];
  readonly assets: readonly Explained[];
  /** What the definitions have left behind, as far as a refresh found any of it: a sentence each. */
  readonly gone: readonly string[];
  /** All sentences, a line each. */
  toString(): string;
}

/** How many causes a sentence follows back. */
const LONGEST_CHAIN = 4;

/** Explains a run by what it found and did. Pure. */
export function explainRun({ plan, steps: ended, outcomes, gone: left }: ExplainableRun): RunExplanation {
  const steps = plan.steps.map(({ step: { id } }) => {
    const step = ended.get(id);
    invariant(step !== undefined, 'a result says of each step of its plan how it ended');
    return Object.freeze({ of: id, sentence: `${id} ${stepSentence(step, ended)}.` });
  });
  const assets = [...outcomes].map(([key, outcome]) => Object.freeze({ of: key, sentence: `${quote(key)} ${assetSentence(outcome)}.` }));
  const gone = Object.freeze(goneSentences(left));
  return Object.freeze({
    steps: Object.freeze(steps),
    assets: Object.freeze(assets),
    gone,
    toString: () => [...[...steps, ...assets].map(({ sentence }) => sentence), ...gone].join('\n'),
  });
}

type Steps = ExplainableRun['steps'];

function stepSentence({ outcome, error, blockedBy, reason }: ExplainableStep, steps: Steps): string {
  const ran = reason === undefined ? 'ran' : `ran: ${reasonPhrase(reason, steps)}`;
  switch (outcome) {
    case 'succeeded':
      return ran;
    case 'failed':
      return `${ran}, and failed: ${error === undefined ? 'nobody said why' : withoutDot(error.message)}`;
    case 'reused':
      return 'was reused: its code, its config and what it reads are as they were';
    case 'skipped':
      return 'was skipped: an input that it requires is absent';
    case 'blocked':
      return `was blocked by ${blockedBy.join(', ')}, upstream of it`;
    case 'cancelled':
      return 'was stopped, since the run was cancelled';
    case 'not-started':
      return 'never started, since the run was cancelled';
  }
}

function reasonPhrase(reason: StepReason, steps: Steps): string {
  const phrases: string[] = [];
  let next: StepReason | undefined = reason;
  while (next !== undefined && phrases.length < LONGEST_CHAIN) {
    phrases.push(ownPhrase(next));
    const step: string | undefined = next.cause === 'data' ? next.step : undefined;
    const before: StepReason | undefined = step === undefined ? undefined : steps.get(step)?.reason;
    next = before?.cause === 'asked' || before === undefined ? undefined : named(before, step);
  }
  return phrases.join(', since ');
}

/** A cause further back says whose it is. */
function named(reason: StepReason, step: string | undefined): StepReason & { readonly whose?: string } {
  return step === undefined ? reason : { ...reason, whose: step };
}

function ownPhrase(reason: StepReason & { readonly whose?: string }): string {
  const whose = reason.whose === undefined ? 'its' : `${reason.whose}'s`;
  switch (reason.cause) {
    case 'asked':
      return 'it was asked to';
    case 'never':
      return reason.whose === undefined ? 'it had never given what is needed' : `${reason.whose} had never given it`;
    case 'op':
      return `${whose} op is another one`;
    case 'wiring':
      return `${reason.whose ?? 'it'} reads something else than before`;
    case 'code':
      return `${whose} code went from ${printVersion(reason.before)} to ${printVersion(reason.now)}`;
    case 'config':
      return `${whose} config changed`;
    case 'data':
      return reason.position === undefined ? `${reason.what} changed` : `${reason.what} changed at ${reason.position}`;
  }
}

function printVersion(version: string | null): string {
  return version === null || version.startsWith('session:') ? 'one without a version' : version;
}

function assetSentence(outcome: string): string {
  switch (outcome) {
    case 'materialized':
      return 'was materialized';
    case 'unchanged':
      return 'is unchanged: its step ran and gave what it gave before, or a failure of it is over';
    case 'fresh':
      return 'is fresh: nothing of it had to run';
    case 'absent':
      return 'is absent: its step gave it no value';
    case 'failed':
      return 'failed: its step did';
    case 'blocked':
      return 'was blocked: something upstream of it failed';
    default:
      return 'was cancelled';
  }
}

function withoutDot(text: string): string {
  return text.endsWith('.') ? text.slice(0, -1) : text;
}
