import { StepError } from '../../lib/kernel/errors.ts';
import { suggest } from '../../lib/kernel/nearest.ts';
import { quote } from '../../lib/kernel/print.ts';
import type { Emission } from '../../lib/model/emission.ts';
import type { AnyOp } from '../../lib/model/op.ts';

/** What is done with an emission on an output that nothing needs (X7). */
export type Unselected = 'discard' | 'materialize' | 'error';

/** The step that outputs are checked for. */
export interface StepScope {
  readonly op: AnyOp;
  /** How messages call the step. */
  readonly step: string;
  readonly selectedOutputs: ReadonlySet<string>;
  readonly unselected: Unselected;
  /** Told of each emission that went nowhere. */
  readonly onDiscard: (output: string) => void;
}

/** What an output got: a value, with metadata where the emission carried some. `none` is the value that lives elsewhere (X11). */
export interface Emitted {
  readonly value: unknown;
  readonly none: boolean;
  readonly metadata: Readonly<Record<string, unknown>>;
}

const NO_METADATA: Readonly<Record<string, unknown>> = Object.freeze({});

/**
 * The gate and the checks of one execution of a step. Emissions go in as they come; what passed comes out when the body has completed, so
 * that a step is atomic (X8). Every refusal throws the StepError that the step fails with.
 */
export class StepOutputs {
  readonly #scope: StepScope;
  readonly #passed = new Map<string, Emitted>();
  /** Names seen on outputs that did not pass, so that a repeated one is noticed there too (X5). */
  readonly #dropped = new Set<string>();
  #closed = false;

  constructor(scope: StepScope) {
    this.#scope = scope;
  }

  /**
   * Takes one emission. `undefined` is "not emitted" (X11).
   *
   * @throws StepError OUTPUT_UNDECLARED, OUTPUT_REPEATED (X5), OUTPUT_NOT_SELECTED (X7 `error`)
   */
  take(output: string, value: unknown, metadata?: Emission['metadata']): void {
    if (this.#closed) return;
    const { op, step, selectedOutputs, unselected, onDiscard } = this.#scope;
    if (!Object.hasOwn(op.outputs, output)) {
      throw new StepError(
        'OUTPUT_UNDECLARED',
        `Step ${quote(step)} emitted ${quote(String(output))}, which op "${op.name}" does not declare. ${suggest(String(output), op.outputNames)}`,
        {
          details: { step, output },
        },
      );
    }
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
      this.#passed.set(output, { value, none: false, metadata: metadata ?? NO_METADATA });
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

  /** The body of an op without declared outputs has completed: with a value, or by completing alone (X11). */
  takeResult(value: unknown): void {
    if (value === undefined) this.#passed.set('result', { value: undefined, none: true, metadata: NO_METADATA });
    else this.take('result', value);
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
  complete(): ReadonlyMap<string, Emitted> {
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
}
