import type { Observable } from 'rxjs';
import { DefinitionError } from '../kernel/errors.ts';
import type { Key } from '../kernel/keyed/key.ts';
import type { Keyed } from '../kernel/keyed/keyed.ts';
import { isClass, kindOf, printValue } from '../kernel/print.ts';
import type { Schema, SchemaOutput } from '../kernel/schema.ts';
import { invocable, type InvocationResult, type Invocable, type WiringArguments } from './composition.ts';
import { optionalCodec } from './codec.ts';
import type { OpContext } from './context.ts';
import { checkHooks, type Hooks } from './hooks.ts';
import { keyedBody, type KeyedBody } from './keyed-body.ts';
import { keyedOutput } from './keyed-port.ts';
import { checkName } from './name.ts';
import type {
  CheckedBody,
  CheckedOperator,
  MistakenBody,
  MistakenKeyedBody,
  MistakenOperator,
  MultiBody,
  MultiKeyedBody,
  MultiOperator,
  PlainResult,
  ResultOutput,
  SingleBody,
  SingleKeyedBody,
  SingleOperator,
} from './op-forms.ts';
import { checkOptions, optionalFlag, optionalSchema, optionalString, type Fields } from './options.ts';
import { checkPorts, output, type Inputs, type NoInputs, type Outputs } from './port.ts';
import type { Unfit } from './refused.ts';
import { checkNeeds, type Needs, type NoNeeds } from './resource.ts';
import { checkRetry, type RetryPolicy } from './retry.ts';
import { checkState, type StateDefinition } from './state.ts';

/** What every op may say of itself, whatever its form. */
export interface OpBasics<I extends Inputs, C extends Schema | undefined, N extends Needs, M = unknown> {
  readonly name: string;
  readonly description?: string;
  readonly inputs?: I;
  /** Checks what a run gives the op as its config; the body gets what it makes of that. */
  readonly config?: C;
  /** What the body talks to, by the names that it calls them. */
  readonly resources?: N;
  /**
   * What its steps remember from one epoch to the next: the body changes `state` of its context in place. Committed with the step. Implies
   * `outputsTogether`, since what the outputs of one execution are depends on more than its inputs.
   */
  readonly state?: StateDefinition<M>;
  /** Changes when the body's meaning changes. Without one, what the op made is trusted only while the definitions live (F6). */
  readonly codeVersion?: string;
  /** True for a body that reads what is no input: a clock, a network. Its steps are never reused (F6). Implies `outputsTogether`. */
  readonly volatile?: boolean;
  /**
   * True for a body whose outputs belong together, though nothing but its inputs decides them: those of one execution are never used beside
   * those of another (D8).
   */
  readonly outputsTogether?: boolean;
  /** The longest one attempt may take, in milliseconds; then it fails with STEP_TIMEOUT. */
  readonly timeoutMs?: number;
  /** When and how often a failed step is tried again; never by default. */
  readonly retry?: RetryPolicy;
  /** How many steps of this op may run at the same time in one run; as many as the run allows by default. */
  readonly concurrency?: number;
  /** The pool that its steps share with those of other ops: `define` says how many of a pool may run at the same time. */
  readonly pool?: string;
  /** Called when its steps succeed, fail or are skipped, and when its assets are recorded. */
  readonly hooks?: Hooks;
}

/** The body of an op, as the runtime calls it; `written` is the function that its user wrote, for those who show its text. */
export type OpBody =
  | { readonly form: 'run'; readonly run: (inputs: object, context: OpContext) => unknown; readonly written: unknown }
  | {
      readonly form: 'operator';
      readonly operator: (frames: Observable<object>, context: OpContext) => Observable<unknown>;
      readonly written: unknown;
    }
  | KeyedBody;

/** An op as definitions and plans know it. */
export interface AnyOp extends Invocable {
  readonly kind: 'op';
  readonly description: string | undefined;
  readonly codeVersion: string | undefined;
  readonly volatile: boolean;
  readonly outputsTogether: boolean;
  readonly timeoutMs: number | undefined;
  readonly config: Schema | undefined;
  readonly resources: Needs;
  readonly state: StateDefinition | undefined;
  readonly retry: RetryPolicy | undefined;
  readonly concurrency: number | undefined;
  readonly pool: string | undefined;
  readonly hooks: Hooks | undefined;
  readonly outputs: Outputs;
  /** Names of the inputs with a schema: most ops have none, and their inputs go to the body as they are. */
  readonly checkedInputs: readonly string[];
  /** Whether an output has a schema. */
  readonly checksOutputs: boolean;
  /** True where outputs were declared, even one: the body then returns a record or emissions. */
  readonly declaresOutputs: boolean;
  readonly body: OpBody;
}

declare const opTypes: unique symbol;

/**
 * An op: call it in a graph's body to place it there. `C` is its config schema, `N` the resources that it needs, and `M` the state that it
 * keeps, `undefined` for none.
 */
export interface Op<
  I extends Inputs,
  O extends Outputs,
  Single extends boolean,
  C = unknown,
  N extends Needs = Needs,
  M = unknown,
> extends AnyOp {
  (...wiring: WiringArguments<I>): InvocationResult<O, Single>;
  /** The same op under a name of its own in this graph (D4). */
  as(name: string): (...wiring: WiringArguments<I>) => InvocationResult<O, Single>;
  readonly [opTypes]?: {
    readonly inputs: I;
    readonly outputs: O;
    readonly single: Single;
    readonly config: C;
    readonly resources: N;
    readonly state: M;
  };
}

/** An op without declared outputs, whose body gives a `T`. */
export type SingleOp<I extends Inputs, T, C = unknown, N extends Needs = Needs, M = unknown> = Op<I, ResultOutput<T>, true, C, N, M>;

/** What `op` takes, whatever its form. */
type AnyOpDefinition = OpBasics<Inputs, Schema | undefined, Needs> & {
  readonly outputs?: Outputs;
  readonly result?: unknown;
  readonly codec?: unknown;
  readonly run?: unknown;
  readonly operator?: unknown;
  readonly keyed?: unknown;
};

const OP_FIELDS: Fields<AnyOpDefinition> = {
  name: true,
  inputs: true,
  outputs: true,
  run: true,
  operator: true,
  keyed: true,
  result: true,
  codec: true,
  config: true,
  resources: true,
  state: true,
  codeVersion: true,
  volatile: true,
  outputsTogether: true,
  timeoutMs: true,
  retry: true,
  concurrency: true,
  pool: true,
  hooks: true,
  description: true,
};

/**
 * Defines a computation with named inputs and outputs. Without `outputs` the body returns the value itself; with `outputs` it returns a
 * record, a promise of one, a generator of `emit(…)`, an async one, or an Observable of them. Or the op is an RxJS operator, or `keyed`:
 * then it is written as flows of keyed rows, and follows their changes.
 *
 * @throws DefinitionError INVALID_NAME, INVALID_DEFINITION
 */
export function op<
  const I extends Inputs = NoInputs,
  T = unknown,
  const C extends Schema | undefined = undefined,
  const N extends Needs = NoNeeds,
  M extends object | undefined = undefined,
>(definition: OpBasics<I, C, N, M> & (SingleBody<I, T, C, N, M> | SingleOperator<I, T, C, N, M>) & PlainResult<T>): SingleOp<I, T, C, N, M>;
export function op<
  const I extends Inputs = NoInputs,
  const S extends Schema = Schema,
  const C extends Schema | undefined = undefined,
  const N extends Needs = NoNeeds,
  M extends object | undefined = undefined,
>(definition: OpBasics<I, C, N, M> & (CheckedBody<I, S, C, N, M> | CheckedOperator<I, S, C, N, M>)): SingleOp<I, SchemaOutput<S>, C, N, M>;
export function op<
  const I extends Inputs = NoInputs,
  const O extends Outputs = Outputs,
  const C extends Schema | undefined = undefined,
  const N extends Needs = NoNeeds,
  M extends object | undefined = undefined,
>(definition: OpBasics<I, C, N, M> & (MultiBody<I, O, C, N, M> | MultiOperator<I, O, C, N, M>)): Op<I, O, false, C, N, M>;
export function op<const I extends Inputs = NoInputs, K extends Key = Key, V = unknown, const C extends Schema | undefined = undefined>(
  definition: OpBasics<I, C, NoNeeds, undefined> & SingleKeyedBody<I, K, V, C>,
): SingleOp<I, Keyed<K, V>, C, NoNeeds, undefined>;
export function op<const I extends Inputs = NoInputs, const O extends Outputs = Outputs, const C extends Schema | undefined = undefined>(
  definition: OpBasics<I, C, NoNeeds, undefined> & MultiKeyedBody<I, O, C>,
): Op<I, O, false, C, NoNeeds, undefined>;
// Nothing fits this one: it is there for what the compiler prints, which is about the last overload.
export function op<
  const I extends Inputs = NoInputs,
  const O extends Outputs | undefined = undefined,
  const S extends Schema | undefined = undefined,
  R = unknown,
  E = unknown,
  const C extends Schema | undefined = undefined,
  const N extends Needs = NoNeeds,
  M extends object | undefined = undefined,
>(
  definition: OpBasics<I, C, N, M> &
    (MistakenBody<I, O, S, R, C, N, M> | MistakenOperator<I, O, S, E, C, N, M> | MistakenKeyedBody<I, O, C>) &
    Unfit,
): O extends Outputs ? Op<I, O, false, C, N, M> : SingleOp<I, Awaited<R>, C, N, M>;
export function op(definition: AnyOpDefinition): AnyOp {
  checkOptions(definition, OP_FIELDS, 'op()');
  checkName('op', definition.name, 'in op()');
  const where = `op "${definition.name}"`;
  const outputs = checkOutputs(definition, where);
  const inputs = checkPorts('input', definition.inputs, where);
  const outputsTogether = checkTogether(definition, where);
  if (outputsTogether) checkNoneDerived(outputs, where);
  const noun: Omit<AnyOp, 'name'> = {
    kind: 'op',
    description: optionalString(definition.description, 'description', where),
    codeVersion: optionalString(definition.codeVersion, 'codeVersion', where),
    volatile: optionalFlag(definition.volatile, 'volatile', where),
    outputsTogether,
    timeoutMs: checkTimeout(definition.timeoutMs, where),
    config: optionalSchema(definition.config, 'config', where),
    resources: checkNeeds(definition.resources, where),
    state: checkState(definition.state, where),
    retry: checkRetry(definition.retry, where),
    concurrency: checkConcurrency(definition.concurrency, where),
    pool: checkPool(definition.pool, where),
    hooks: checkHooks(definition.hooks, where),
    inputs,
    checkedInputs: Object.freeze(Object.keys(inputs).filter((name) => inputs[name]?.schema !== undefined)),
    outputs: Object.freeze(outputs),
    checksOutputs: Object.values(outputs).some(({ schema }) => schema !== undefined),
    outputNames: Object.freeze(Object.keys(outputs)),
    single: definition.outputs === undefined,
    declaresOutputs: definition.outputs !== undefined,
    body: definition.keyed === undefined ? checkBody(definition, where) : checkKeyed(definition, { inputs, outputs }, where),
  };
  return invocable(definition.name, noun);
}

function checkOutputs({ outputs, result, codec: given, keyed }: AnyOpDefinition, where: string): Outputs {
  if (outputs === undefined && keyed !== undefined) return { result: keyedOutput() };
  const schema = optionalSchema(result, 'result', where);
  const codec = optionalCodec(given, where);
  const options = codec === undefined ? {} : { codec };
  if (outputs === undefined) return { result: schema === undefined ? output(options) : output(schema, options) };
  if (schema !== undefined) {
    throw new DefinitionError(
      'INVALID_DEFINITION',
      `${where} has both "outputs" and "result". Put the schema at its output: output(schema).`,
    );
  }
  if (codec !== undefined) {
    throw new DefinitionError(
      'INVALID_DEFINITION',
      `${where} has both "outputs" and "codec". Put the codec at its output: output({ codec }).`,
    );
  }
  const checked = checkPorts('output', outputs, where);
  if (Object.keys(checked).length > 0) return checked;
  throw new DefinitionError(
    'INVALID_DEFINITION',
    `${where} declares an empty "outputs". Leave it out for one result, or name at least one.`,
  );
}

function checkTogether({ volatile, state, outputsTogether }: AnyOpDefinition, where: string): boolean {
  const together = optionalFlag(outputsTogether, 'outputsTogether', where);
  const implied = volatile === true || state !== undefined;
  if (!implied || outputsTogether === undefined || together) return together || implied;
  throw new DefinitionError(
    'INVALID_DEFINITION',
    `${where} ${volatile === true ? 'is volatile' : 'keeps state'}, and so are its outputs made together. Leave "outputsTogether" out, or give true.`,
  );
}

/** A version of inputs says nothing of a value that depends on more than those (D8). */
function checkNoneDerived(outputs: Outputs, where: string): void {
  const derived = Object.keys(outputs).find((name) => outputs[name]?.version === 'derived');
  if (derived === undefined) return;
  throw new DefinitionError(
    'INVALID_DEFINITION',
    `${where} is volatile, keeps state or makes its outputs together, so that "${derived}" depends on more than its inputs. Leave version: "derived" out.`,
    { details: { where, output: derived } },
  );
}

function checkConcurrency(value: unknown, where: string): number | undefined {
  if (value === undefined || (typeof value === 'number' && Number.isInteger(value) && value >= 1)) return value;
  throw new DefinitionError(
    'INVALID_DEFINITION',
    `${where}: "concurrency" is ${printValue(value)}. Give a whole number from 1, or leave it out.`,
  );
}

function checkPool(value: unknown, where: string): string | undefined {
  if (value !== undefined) checkName('pool', value, where);
  return value;
}

function checkBody(definition: { readonly run?: unknown; readonly operator?: unknown }, where: string): OpBody {
  const { run, operator } = definition;
  if (run !== undefined && operator !== undefined) {
    throw new DefinitionError('INVALID_DEFINITION', `${where} has both "run" and "operator". Keep one of them.`);
  }
  if (isClass(run) || isClass(operator)) {
    throw new DefinitionError(
      'INVALID_DEFINITION',
      `${where} has a class as its body, which nobody can call. Give a function that makes an instance.`,
    );
  }
  if (typeof run === 'function') {
    // The types of inputs and context were checked by the public signature; the runtime passes what the op declared.
    return Object.freeze({ form: 'run', run: run.bind(definition) as Extract<OpBody, { form: 'run' }>['run'], written: run });
  }
  if (typeof operator === 'function') {
    // As above: the public signature has checked it.
    const bound = operator.bind(definition) as Extract<OpBody, { form: 'operator' }>['operator']; // as above
    return Object.freeze({ form: 'operator', operator: bound, written: operator });
  }
  throw new DefinitionError(
    'INVALID_DEFINITION',
    `${where} has no body: ${operator === undefined ? `"run" is ${kindOf(run)}` : `"operator" is ${kindOf(operator)}`}. Give "run", a function, or "operator", an RxJS operator.`,
  );
}

function checkKeyed(
  definition: AnyOpDefinition,
  { inputs, outputs }: { readonly inputs: Inputs; readonly outputs: Outputs },
  where: string,
): KeyedBody {
  const unfit = (['run', 'operator', 'result', 'codec', 'resources', 'state'] as const).filter((name) => definition[name] !== undefined);
  const { keyed, config } = definition;
  return keyedBody({ keyed, inputs, outputs, single: definition.outputs === undefined, hasConfig: config !== undefined, unfit }, where);
}

function checkTimeout(value: unknown, where: string): number | undefined {
  if (value === undefined || (typeof value === 'number' && value > 0 && value < 2 ** 31)) return value;
  throw new DefinitionError(
    'INVALID_DEFINITION',
    `${where}: "timeoutMs" is ${printValue(value)}. Give milliseconds above 0 and below 2^31, or leave it out.`,
  );
}

/** Whether a value is an op, for checks of what JavaScript users pass. */
export function isOp(value: unknown): value is AnyOp {
  return typeof value === 'function' && Reflect.get(value, 'kind') === 'op';
}
