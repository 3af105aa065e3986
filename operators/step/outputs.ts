import { StepError } from '../../lib/kernel/errors.ts';
import { suggest } from '../../lib/kernel/nearest.ts';
import { printValue, quote } from '../../lib/kernel/print.ts';
import { isRecord } from '../../lib/kernel/record.ts';
import { checkValue, printIssues, type Checked, type Schema } from '../../lib/kernel/schema.ts';
import { fixValue } from '../../lib/kernel/value/fix.ts';
import { checkVerbOptions } from '../../lib/kernel/verb-options.ts';
import { EMISSION_RULES, type EmissionOptions } from '../../lib/model/emission.ts';
import type { AnyOp } from '../../lib/model/op.ts';
import { copiesOf } from '../../lib/kernel/value/copies.ts';
import { readThrown } from '../../lib/kernel/thrown.ts';

/** What is done with an emission on an output that nothing needs (X7). */
export type Unselected = 'discard' | 'materialize' | 'error';

/** The step that outputs are checked for. `Fixed` is what an emission becomes. */
export interface StepScope<Fixed> {
  readonly op: AnyOp;
  /** How messages call the step. */
  readonly step: string;
  readonly selectedOutputs: ReadonlySet<string>;
  readonly unselected: Unselected;
  /** Surrounds whatever is called of the user's: bodies, schemas, factories. */
  readonly inBody: <T>(userCode: () => T) => T;
  /** Told of each emission that went nowhere. */
  readonly onDiscard: (output: string) => void;
  /**
   * Fixes what passed the gate (X13). Called as it is emitted, before the body goes on: what the body does to the value after that is too
   * late to be recorded.
   *
   * @throws StepError with which the step fails
   */
  readonly fix: (output: string, emitted: Emitted) => Fixed;
}

/** What an output got: a value, with what the emission said of it. `none` is the value that lives elsewhere (X11). */
export interface Emitted {
  readonly value: unknown;
  readonly none: boolean;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** The data version that the body gave it itself. */
  readonly version: string | undefined;
}

/** Where the emissions of a body go. */
export interface OutputSink {
  /**
   * Takes one emission. `undefined` is "not emitted" (X11).
   *
   * @throws StepError OUTPUT_UNDECLARED, OUTPUT_REPEATED (X5), OUTPUT_NOT_SELECTED (X7 `error`), OUTPUT_INVALID, or what fixing throws
   */
  take(output: string, value: unknown, said?: EmissionOptions): void;
  /** The body of an op without declared outputs has completed without a value, and has emitted by that (X11). */
  takeNone(): void;
  /**
   * Keeps what is said of an output until it emits.
   *
   * @throws StepError OP_BODY, OUTPUT_UNDECLARED
   */
  annotate(output: string, said: EmissionOptions): void;
}

/** What an emission without metadata carries. */
export const NO_METADATA: Readonly<Record<string, unknown>> = Object.freeze({});

/** What most emissions say beside their value. */
const NOTHING: EmissionOptions = Object.freeze({});

/**
 * The gate and the checks of one execution of a step. Emissions go in as they come; what passed comes out when the body has completed, so
 * that a step is atomic (X8). Every refusal throws the StepError that the step fails with.
 */
export class StepOutputs<Fixed> implements OutputSink {
  readonly #scope: StepScope<Fixed>;
  readonly #passed = new Map<string, Fixed>();
  /** Every output that has emitted, so that a second emission is noticed wherever the first one went (X5). */
  readonly #emitted = new Set<string>();
  /** What is said of outputs, made on first use. */
  #notes: Map<string, EmissionOptions> | undefined;
  /** Emissions whose schemas take their time. */
  #pending: Promise<void>[] | undefined;
  #closed = false;
  #refusal: StepError | undefined;
  #onRefusal: (refusal: StepError) => void = () => undefined;

  constructor(scope: StepScope<Fixed>) {
    this.#scope = scope;
  }

  take(output: string, value: unknown, said?: EmissionOptions): void {
    // Also when the attempt is over for it: a generator is closed by what it is thrown.
    if (this.#refusal !== undefined) throw this.#refusal;
    if (this.#closed) return;
    this.#checkDeclared(output);
    if (value === undefined) return;
    if (this.#emitted.has(output)) {
      throw this.#fail(
        'OUTPUT_REPEATED',
        output,
        `emitted "${output}" twice in one execution. Emit each output once; collect the values first.`,
      );
    }
    this.#emitted.add(output);
    const { selectedOutputs, unselected, onDiscard } = this.#scope;
    if (selectedOutputs.has(output) || unselected === 'materialize') this.#accept(output, value, said);
    else if (unselected === 'discard') onDiscard(output);
    else {
      const cure = `Emit it only if selectedOutputs.has("${output}"), or run with unselectedOutputs: "discard".`;
      throw this.#fail('OUTPUT_NOT_SELECTED', output, `emitted "${output}", which this run does not need. ${cure}`);
    }
  }

  takeNone(): void {
    if (this.#closed) return;
    this.#emitted.add('result');
    this.#accept('result', undefined, undefined);
  }

  annotate(output: string, said: EmissionOptions): void {
    if (this.#closed) return;
    try {
      this.#note(output, said);
    } catch (error) {
      this.#refuse(error);
      throw error;
    }
  }

  /**
   * What was refused behind the body's back, by a schema that took its time, or thrown into it, which may catch it: an annotation. The step
   * fails all the same, and the body is stopped at its next emission.
   */
  get refusal(): StepError | undefined {
    return this.#refusal;
  }

  /** Resolves with the refusal when there is one. Asked before the body has emitted all that it will. */
  get refused(): Promise<StepError> {
    return new Promise((resolve) => (this.#onRefusal = resolve));
  }

  /** From now on emissions are late, and dropped: the step timed out, or the run was cancelled (X12). */
  close(): void {
    this.#closed = true;
  }

  /**
   * The body has completed.
   *
   * @returns what passed the gate, by output name; a promise of it where a schema takes its time
   * @throws StepError OUTPUT_MISSING when a required output in need got nothing (X6), or OUTPUT_INVALID; or rejects with it
   */
  complete(): ReadonlyMap<string, Fixed> | Promise<ReadonlyMap<string, Fixed>> {
    if (this.#pending === undefined) return this.#completed();
    return Promise.all(this.#pending).then(() => this.#completed());
  }

  #refuse(error: unknown): void {
    if (!(error instanceof StepError)) return;
    this.#refusal ??= error;
    this.#onRefusal(this.#refusal);
  }

  #note(output: string, said: EmissionOptions): void {
    this.#checkDeclared(output, 'annotated');
    const noted = this.#readNote(output, said);
    if (this.#emitted.has(output))
      throw this.#fail('OP_BODY', output, `annotated "${output}" after it was emitted. Annotate first, or give emit() the options.`);
    this.#notes ??= new Map();
    this.#notes.set(output, merge(this.#notes.get(output), noted));
  }

  /** What was said, as it is now: it is recorded only when the output emits. */
  #readNote(output: string, said: EmissionOptions): EmissionOptions {
    try {
      checkVerbOptions('annotate', said, EMISSION_RULES);
      const { metadata, version } = said;
      return { ...(metadata !== undefined && { metadata: asItIs(metadata) }), ...(version !== undefined && { version }) };
    } catch (cause) {
      throw this.#fail('OP_BODY', output, `annotated "${output}" wrongly: ${readThrown(cause).said}`);
    }
  }

  #completed(): ReadonlyMap<string, Fixed> {
    const { op, selectedOutputs } = this.#scope;
    for (const output of selectedOutputs) {
      if (op.outputs[output]?.required !== true || this.#passed.has(output)) continue;
      throw this.#fail(
        'OUTPUT_MISSING',
        output,
        `completed without its required output "${output}". Emit it, or declare it with optional().`,
      );
    }
    return this.#passed;
  }

  #accept(output: string, value: unknown, said: EmissionOptions | undefined): void {
    const noted = this.#notes?.get(output);
    const meant = noted === undefined ? (said ?? NOTHING) : merge(noted, said);
    const schema = this.#scope.op.outputs[output]?.schema;
    if (schema === undefined) return this.#pass(output, value, meant);
    const checked = this.#scope.inBody(() => checkValue(schema, value));
    if (checked instanceof Promise) this.#acceptLater(output, { value, meant, schema, checked });
    else this.#settle(output, checked, meant);
  }

  /** The body goes on before the schema is done: what it could still change of what it emitted must not matter (X13). */
  #acceptLater(output: string, { value, meant, schema, checked }: Later): void {
    const { metadata, version } = meant;
    const kept: EmissionOptions = {
      ...(metadata !== undefined && { metadata: asItIs(metadata) }),
      ...(version !== undefined && { version }),
    };
    const { transient = false, codec } = this.#scope.op.outputs[output] ?? {};
    // What passes by reference is not copied (R6), and what a codec encodes is not looked into.
    const copy = transient || codec !== undefined ? value : asItIs(value);
    // The schema holds what the body can still change: it is asked again, about what the body cannot.
    const verdict = Object.is(copy, value) ? checked : Promise.resolve(this.#scope.inBody(() => checkValue(schema, copy)));
    if (codec === undefined) fixValue(value);
    const settled = verdict.then((later) => (this.#closed ? undefined : this.#settle(output, later, kept)));
    settled.catch((error: unknown) => this.#refuse(error));
    this.#pending ??= [];
    this.#pending.push(settled);
  }

  #settle(output: string, checked: Checked, meant: EmissionOptions): void {
    if (checked.valid) return this.#pass(output, checked.value, meant);
    const { issues, cause } = checked;
    const { step, op } = this.#scope;
    throw new StepError(
      'OUTPUT_INVALID',
      `Step ${quote(step)} emitted what its schema refuses on "${output}": ${printIssues(issues)}. Emit what fits, or widen the schema.`,
      { details: { step, op: op.name, output, issues }, ...(cause !== undefined && { cause }) },
    );
  }

  #pass(output: string, value: unknown, { metadata = NO_METADATA, version }: EmissionOptions): void {
    const { op, fix } = this.#scope;
    // A schema may make nothing of a value: then nothing is emitted. Only an op without outputs emits by completing (X11).
    if (value === undefined && op.declaresOutputs) return;
    this.#passed.set(output, fix(output, { value, none: value === undefined, metadata, version }));
  }

  #checkDeclared(output: unknown, did: 'emitted' | 'annotated' = 'emitted'): void {
    const { op } = this.#scope;
    if (typeof output === 'string' && Object.hasOwn(op.outputs, output)) return;
    const hint = typeof output === 'string' ? suggest(output, op.outputNames) : 'The name of an output is a string.';
    throw this.#fail('OUTPUT_UNDECLARED', output, `${did} ${printValue(output)}, which op "${op.name}" does not declare. ${hint}`);
  }

  #fail(code: StepError['code'], output: unknown, did: string): StepError {
    const { step, op } = this.#scope;
    return new StepError(code, `Step ${quote(step)} ${did}`, { details: { step, op: op.name, output } });
  }
}

/** An emission whose schema takes its time. */
interface Later {
  readonly value: unknown;
  /** What was said of it, before and with the emission. */
  readonly meant: EmissionOptions;
  readonly schema: Schema;
  readonly checked: Promise<Checked>;
}

/** A value as it is now: plain data is frozen, and what holds something that cannot be frozen is copied. */
function asItIs<T>(value: T): T {
  // The very same, or a copy of it.
  return copiesOf({ value })()['value'] as T;
}

/** What is said later wins, metadata name by name. */
function merge(before: EmissionOptions | undefined, later: EmissionOptions | undefined): EmissionOptions {
  if (before === undefined || later === undefined) return later ?? before ?? {};
  const metadata = mergeMetadata(before.metadata, later.metadata);
  const version = later.version ?? before.version;
  return { ...(metadata !== undefined && { metadata }), ...(version !== undefined && { version }) };
}

/** What no store can keep stays as it is, to be refused where it would be kept: putting it together would run its getters. */
function mergeMetadata(before: EmissionOptions['metadata'], later: EmissionOptions['metadata']): EmissionOptions['metadata'] {
  if (before === undefined || later === undefined) return later ?? before;
  const unfit = [later, before].filter((each) => !fixValue(each).storable || !isRecord(each));
  return unfit.length > 0 ? unfit[0] : { ...before, ...later };
}
