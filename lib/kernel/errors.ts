import type { DefinitionCode, ErrorCode, SelectionCode, StepCode, StoreCode } from './error-codes.ts';

/** What an error carries beside its message. */
export interface ErrorContext {
  /** Machine-readable facts: names, keys and paths that the message speaks of. */
  readonly details?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/**
 * Base of every error that Sluice raises on purpose. `code` is stable and has a heading in docs/ERRORS.md; the message says what
 * happened, where, and what to do.
 */
export abstract class SluiceError extends Error {
  abstract readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(message: string, { details = {}, cause }: ErrorContext = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = new.target.name;
    this.details = details;
  }
}

/** Something is written wrongly. Thrown synchronously by `op`, `graph`, `asset`, `assetsFromGraph`, `source` and `define`. */
export class DefinitionError extends SluiceError {
  readonly code: DefinitionCode;

  constructor(code: DefinitionCode, message: string, context?: ErrorContext) {
    super(message, context);
    this.code = code;
  }
}

/** What was asked for cannot be planned or started: nothing ran and nothing was written. */
export class SelectionError extends SluiceError {
  readonly code: SelectionCode;

  constructor(code: SelectionCode, message: string, context?: ErrorContext) {
    super(message, context);
    this.code = code;
  }
}

/** One step failed. `details.step` is its id; `cause` is the user's own error, where there is one. */
export class StepError extends SluiceError {
  readonly code: StepCode;

  constructor(code: StepCode, message: string, context?: ErrorContext) {
    super(message, context);
    this.code = code;
  }
}

/** The store refused, or the disk did. */
export class StoreError extends SluiceError {
  readonly code: StoreCode;

  constructor(code: StoreCode, message: string, context?: ErrorContext) {
    super(message, context);
    this.code = code;
  }
}
