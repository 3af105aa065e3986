import { frozenMap } from '../../lib/kernel/frozen-collections.ts';
import { SelectionError, StepError } from '../../lib/kernel/errors.ts';
import { suggest } from '../../lib/kernel/nearest.ts';
import { quote } from '../../lib/kernel/print.ts';
import type { Position } from '../../lib/events/position.ts';
import type { AssetKey } from '../../lib/model/asset-key.ts';
import type { DefinedAsset, KeyOf, ValueAt } from '../../lib/model/definitions.ts';
import type { Plan } from '../../lib/plan/plan.ts';
import type { StepReason } from '../../lib/plan/reason.ts';
import type { Gone } from '../../lib/query/gone.ts';
import type { AssetOutcome, Outcome } from './outcome.ts';
import type { SettledStep } from './settled-step.ts';
import { stateOf, type KeptSlot, type Slot, type ValueSlot } from './slot.ts';
import type { StaleInput } from './stale-inputs.ts';
import type { Standing } from './standing.ts';

/** How one step of the plan ended. Steps that a cancelled run never started are `not-started`. */
export interface StepResult {
  readonly outcome: SettledStep['outcome'] | 'not-started';
  readonly selectedOutputs: ReadonlySet<string>;
  readonly error: StepError | undefined;
  /** For a blocked step: the ids of the failed steps behind it. */
  readonly blockedBy: readonly string[];
  /** Why it ran; `undefined` where it did not. */
  readonly reason: StepReason | undefined;
}

/** What came of a run or a refresh, but for the values. */
export interface AnyResult<Assets = unknown> {
  readonly runId: string;
  readonly status: 'succeeded' | 'failed' | 'cancelled';
  /** True where no step failed and the run was not cancelled. */
  readonly success: boolean;
  readonly plan: Plan<Assets>;
  /** Exactly one outcome for every selected asset, by printed key (X10). */
  readonly outcomes: ReadonlyMap<string, Outcome>;
  /** Assets that were recorded although the selection does not name them (X7 `materialize`). */
  readonly unexpected: readonly AssetKey[];
  /** Steps of the plan, by id. */
  readonly steps: ReadonlyMap<string, StepResult>;
  /** What failed, in the order in which it did. */
  readonly errors: readonly StepError[];
  /** Upstream assets of other definitions that were loaded although a run would make them anew (N5). */
  readonly staleInputs: readonly StaleInput[];
  /** Where the log ended when the run did. */
  readonly position: Position;
  /**
   * How a selected asset ended.
   *
   * @throws SelectionError UNKNOWN_ASSET where it was not selected
   */
  outcome(key: KeyOf<Assets>): Outcome;
}

/** What came of a run. */
export interface RunResult<Assets = unknown> extends AnyResult<Assets> {
  /**
   * The value that a selected asset got.
   *
   * @throws SelectionError UNKNOWN_ASSET where it was not selected, NO_VALUE where it ended without one
   */
  value<Key extends KeyOf<Assets>>(key: Key): ValueAt<Assets, Key>;
}

/** What came of a refresh. */
export interface RefreshResult<Assets = unknown> extends AnyResult<Assets> {
  /**
   * What the store had before and the definitions have not: what was renamed or removed, the first hundred keys and outputs of it. `undefined`
   * where not every asset was asked for, nothing started, or the store cannot list what it has.
   */
  readonly gone: Gone | undefined;
  /**
   * The value that a selected asset has now. What was not made again is read from the store, when it is asked for.
   *
   * Rejects with SelectionError UNKNOWN_ASSET where it was not selected, NO_VALUE where it ended without one; with StoreError.
   */
  value<Key extends KeyOf<Assets>>(key: Key): Promise<ValueAt<Assets, Key>>;
}

/** What a result is made of. */
export interface ResultParts<Assets> {
  readonly runId: string;
  readonly plan: Plan<Assets>;
  readonly cancelled: boolean;
  readonly settled: readonly SettledStep[];
  readonly outcomes: readonly AssetOutcome[];
  readonly staleInputs: readonly StaleInput[];
  readonly position: Position;
  /** Why a step ran, by plan index. */
  readonly reasonOf: (step: number) => StepReason | undefined;
  /** Steps that were reused without being looked at, if any. */
  readonly standing?: Standing | undefined;
  /** What a refresh found that the definitions have not. */
  readonly gone?: Gone | undefined;
}

/** Puts a result together. */
export function createResult<Assets>(parts: ResultParts<Assets>): RunResult<Assets> {
  return resultWith(parts, (slotOf) => ({
    value: <Key extends KeyOf<Assets>>(key: Key) => {
      const slot = slotOf(key);
      if (slot.state === 'kept') throw noValue(parts, key, 'it was not made again');
      // The op's declared type, which `define` carried along under this key.
      return slot.value as ValueAt<Assets, Key>;
    },
  }));
}

/** Puts the result of a refresh together. */
export function createRefreshResult<Assets>(parts: ResultParts<Assets>): RefreshResult<Assets> {
  return resultWith(parts, (slotOf) => ({
    gone: parts.gone,
    value: async <Key extends KeyOf<Assets>>(key: Key) => {
      const slot = slotOf(key, await standingSlot(parts, key));
      const read = slot.state === 'kept' ? await slot.read() : slot;
      if (read === undefined) throw noValue(parts, key, 'it was not made again, and the store no longer has it');
      // As above.
      return read.value as ValueAt<Assets, Key>;
    },
  }));
}

/** A slot with something to read. */
type ReadableSlot = ValueSlot | KeptSlot;

/** Gives the slot of an asset that has a value to read; `standing` is that of a step that was not looked at, where it was fetched. */
type SlotOf = (key: string, standing?: Slot) => ReadableSlot;

/** A result with what its verb has besides, which is how values are read. */
function resultWith<Assets, Own extends object>(parts: ResultParts<Assets>, own: (slotOf: SlotOf) => Own): AnyResult<Assets> & Own {
  const { runId, plan, cancelled, settled, staleInputs, position } = parts;
  const byKey = new Map([...standingOutcomes(parts), ...parts.outcomes].map((each) => [each.key, each]));
  const errors = settled.flatMap(({ error }) => error ?? []);
  const status = cancelled ? 'cancelled' : errors.length > 0 ? 'failed' : 'succeeded';
  // Widened for the look-up alone: users give strings, and what is found is an outcome of this run.
  const lookUp = byKey as ReadonlyMap<string, AssetOutcome>;
  const outcomeOf = (key: string): AssetOutcome => {
    const found = lookUp.get(key);
    if (found !== undefined) return found;
    throw new SelectionError('UNKNOWN_ASSET', `This run has no outcome for ${quote(key)}. ${suggest(key, byKey.keys())}`, {
      details: { key, runId },
    });
  };
  return Object.freeze({
    runId,
    status,
    success: status === 'succeeded',
    plan,
    outcomes: frozenMap([...plan.selection].flatMap((key) => (byKey.has(key) ? [[key, outcomeOf(key).outcome] as const] : []))),
    unexpected: Object.freeze([...byKey.values()].filter(({ unexpected }) => unexpected).map(({ key }) => key)),
    steps: stepResults(parts),
    errors: Object.freeze(errors),
    staleInputs,
    position,
    outcome: (key: KeyOf<Assets>) => outcomeOf(key).outcome,
    ...own((key, standing) => {
      const { outcome, slot = standing } = outcomeOf(key);
      if (slot?.state === 'kept' && slot.kept.state === 'value' && slot.address !== null) return slot;
      if (slot?.state === 'value' && !slot.none) return slot;
      const has = slot !== undefined && stateOf(slot).state === 'value';
      throw noValue(parts, key, has ? 'its value lives elsewhere' : `it ended ${outcome}`);
    }),
  });
}

/** The assets of steps that stand. What was executed after all has an outcome of its own. */
function standingOutcomes<Assets>({ plan: { selection }, standing }: ResultParts<Assets>): readonly AssetOutcome[] {
  const outcomes: AssetOutcome[] = [];
  for (const { step, needed } of standing?.standing() ?? [])
    for (const output of needed) {
      const key = step.outputs[output]?.key;
      if (key !== undefined && selection.has(key)) outcomes.push({ key, outcome: 'fresh', unexpected: false, slot: undefined });
    }
  return outcomes;
}

/** What the store has of an asset whose step was not looked at, where it stands. */
async function standingSlot<Assets>({ plan, standing }: ResultParts<Assets>, key: string): Promise<Slot | undefined> {
  const assets: ReadonlyMap<string, DefinedAsset> = plan.defs.assets;
  const asset = assets.get(key);
  return asset === undefined ? undefined : standing?.slotOf(asset);
}

function noValue<Assets>({ runId, outcomes }: ResultParts<Assets>, key: string, reason: string): SelectionError {
  const outcome = outcomes.findLast((each) => each.key === key)?.outcome;
  return new SelectionError(
    'NO_VALUE',
    `The asset ${quote(key)} has no value in this run: ${reason}. Check result.outcome(${quote(key)}) first.`,
    { details: { key, outcome, runId } },
  );
}

function stepResults<Assets>({ plan: { steps }, settled, reasonOf, standing }: ResultParts<Assets>): ReadonlyMap<string, StepResult> {
  const ended = new Map(settled.map((each) => [each.planned.index, each]));
  return frozenMap(
    steps.map(({ index, step, selectedOutputs }) => {
      const unsettled = standing?.stands(index) === true ? 'reused' : 'not-started';
      const { outcome = unsettled, error, blockedBy = [] } = ended.get(index) ?? {};
      return [step.id, Object.freeze({ outcome, selectedOutputs, error, blockedBy, reason: reasonOf(index) })] as const;
    }),
  );
}

/** What a verb rejects with when its run was cancelled; `result` says what was done before. */
export class AbortError extends Error {
  readonly code = 'RUN_CANCELLED';
  declare readonly result: RunResult | RefreshResult;

  constructor(result: AnyResult, reason: unknown) {
    super(
      `Run ${result.runId} was cancelled. What it had recorded before stays recorded.`,
      reason === undefined ? undefined : { cause: reason },
    );
    this.name = 'AbortError';
    hide(this, result);
  }
}

/** What a failed run rejects with: its first failure, with the whole result in `details.result`. */
export function failureOf(result: AnyResult): StepError | undefined {
  const [first] = result.errors;
  if (first === undefined) return undefined;
  const others = result.errors.length - 1;
  const message = others === 0 ? first.message : `${first.message} (and ${others} more: see details.result.errors)`;
  return new StepError(first.code, message, { details: hide({ ...first.details }, result), cause: first.cause });
}

/** A result is for programs: an error that is printed, by a crashing process too, would fill many screens with it. */
function hide<Carrier extends object>(carrier: Carrier, result: AnyResult): Carrier {
  return Object.defineProperty(carrier, 'result', { value: result });
}
