import { StepError } from '../../lib/kernel/errors.ts';
import { suggest } from '../../lib/kernel/nearest.ts';
import { printValue, quote } from '../../lib/kernel/print.ts';
import type { Emission } from '../../lib/model/emission.ts';
import type { AnyOp } from '../../lib/model/op.ts';

/** What is done with an emission on an output that nothing needs (X7). */
export type Unselected = 'discard' | 'materialize' | 'error';

/** The step that outputs are checked for. `Fixed` is what an emission becomes. */
export interface StepScope<Fixed> {
  readonly op: AnyOp;
  /** How messages call the step. */
  readonly step: string;
  readonly selectedOutputs: ReadonlySet<string>;
  readonly unselected: Unselected;
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

/** What an output got: a value, with metadata where the emission carried some. `none` is the value that lives elsewhere (X11). */
export interface Emitted {
  readonly value: unknown;
  readonly none: boolean;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** Where the emissions of a body go. */
export interface OutputSink {
  /**
   * Takes one emission. `undefined` is "not emitted" (X11).
   *
   * @throws StepError OUTPUT_UNDECLARED, OUTPUT_REPEATED (X5), OUTPUT_NOT_SELECTED (X7 `error`), or what fixing the value throws
   */
  take(output: string, value: unknown, metadata?: Emission['metadata']): void;
  /** The body of an op without declared outputs has completed without a value, and has emitted by that (X11). */
  takeNone(): void;
}

const NO_METADATA: Readonly<Record<string, unknown>> = Object.freeze({});

/**
 * The gate and the checks of one execution of a step. Emissions go in as they come; what passed comes out when the body has completed, so
 * that a step is atomic (X8). Every refusal throws the StepError that the step fails with.
 */
export class StepOutputs<Fixed> implements OutputSink {
  readonly #scope: StepScope<Fixed>;
  readonly #passed = new Map<string, Fixed>();
  /** Names seen on outputs that did not pass, so that a repeated one is noticed there too (X5). */
  readonly #dropped = new Set<string>();
  #closed = false;

  constructor(scope: StepScope<Fixed>) {
    this.#scope = scope;
  }

  take(output: string, value: unknown, metadata?: Emission['metadata']): void {
    if (this.#closed) return;
    const { step, selectedOutputs, unselected, onDiscard, fix } = this.#scope;
    this.#checkDeclared(output);
    if (value === undefined) return;
    if (this.#passed.has(output) || this.#dropped.has(output)) {
      throw new StepError(
        'OUTPUT_REPEATED',
        `Step ${quote(step)} emitted "${output}" twice in one execution. Emit each output once; collect the values first.`,
        {
          details: { step, output },
        },
      );
    }
    if (selectedOutputs.has(output) || unselected === 'materialize') {
      this.#passed.set(output, fix(output, { value, none: false, metadata: metadata ?? NO_METADATA }));
      return;
    }
    if (unselected === 'error') {
      throw new StepError(
        'OUTPUT_NOT_SELECTED',
        `Step ${quote(step)} emitted "${output}", which this run does not need. Emit it only if selectedOutputs.has("${output}"), or run with unselectedOutputs: "discard".`,
        { details: { step, output } },
      );
    }
    this.#dropped.add(output);
    onDiscard(output);
  }

  takeNone(): void {
    if (!this.#closed) this.#passed.set('result', this.#scope.fix('result', { value: undefined, none: true, metadata: NO_METADATA }));
  }

  /** From now on emissions are late, and dropped: the step timed out, or the run was cancelled (X12). */
  close(): void {
    this.#closed = true;
  }

  /**
   * The body has completed.
   *
   * @returns what passed the gate, by output name
   * @throws StepError OUTPUT_MISSING when a required output in need got nothing (X6)
   */
  complete(): ReadonlyMap<string, Fixed> {
    const { op, step, selectedOutputs } = this.#scope;
    for (const output of selectedOutputs) {
      if (op.outputs[output]?.required !== true || this.#passed.has(output)) continue;
      throw new StepError(
        'OUTPUT_MISSING',
        `Step ${quote(step)} completed without its required output "${output}". Emit it, or declare it with optional().`,
        {
          details: { step, output },
        },
      );
    }
    return this.#passed;
  }

  #checkDeclared(output: unknown): void {
    const { op, step } = this.#scope;
    if (typeof output === 'string' && Object.hasOwn(op.outputs, output)) return;
    const hint = typeof output === 'string' ? suggest(output, op.outputNames) : 'The name of an output is a string.';
    throw new StepError(
      'OUTPUT_UNDECLARED',
      `Step ${quote(step)} emitted ${printValue(output)}, which op "${op.name}" does not declare. ${hint}`,
      { details: { step, output } },
    );
  }
}
