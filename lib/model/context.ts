import type { EmissionOptions } from './emission.ts';

/** How much a log line matters. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/**
 * Writes lines that become events of the run, with their step and attempt. `data` is plain data that a store can keep. An attempt keeps its
 * first 1,000 lines of up to 10,000 characters and 100,000 bytes of data each; what is more is left out, and the last line says so.
 */
export type OpLog = Readonly<Record<LogLevel, (message: string, data?: unknown) => void>>;

/** What a body may ask of the run that it is part of. */
export interface OpContext<Output extends string = string, Config = unknown, Resources = Readonly<Record<string, unknown>>> {
  /** The outputs that this run needs. Emitting another one is allowed, and goes nowhere by default (X7). */
  readonly selectedOutputs: ReadonlySet<Output>;
  /** Aborted when the run is cancelled or the op's own `timeoutMs` is over. What is emitted after that is dropped. */
  readonly signal: AbortSignal;
  readonly runId: string;
  /** The step's id: its path, after `definition:` where more than one definition has steps. */
  readonly step: string;
  /** 1, and one more each time that the step is tried again. */
  readonly attempt: number;
  /** What the op's `config` schema made of what the run was given; `undefined` for an op without one. */
  readonly config: Config;
  /** The op's `resources`, opened. */
  readonly resources: Resources;
  readonly log: OpLog;
  /**
   * Says of an output what `emit` says in its options, for bodies that return their values. Called before the value is returned or
   * emitted; where both speak, `emit` wins.
   *
   * @throws StepError OP_BODY where the output has emitted already, OUTPUT_UNDECLARED where it is none of the op's: the step fails with it
   */
  annotate(this: void, output: Output, options: EmissionOptions): void;
}
