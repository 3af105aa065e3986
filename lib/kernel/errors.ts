import { printError, type Inspect } from './print-error.ts';
import { userFrames } from './stack.ts';
import type { DefinitionCode, DeltaCode, ErrorCode, SelectionCode, StepCode, StoreCode } from './error-codes.ts';

// The name by which Node asks objects how they want to be printed.
const INSPECT = Symbol.for('nodejs.util.inspect.custom');

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
    showUserFrames(this, cause);
  }
}

// What `console.error` shows: less than a screen, however much the error carries.
Object.defineProperty(SluiceError.prototype, INSPECT, {
  value(this: SluiceError, _depth: number, _options: object, inspect: Inspect): string {
    const { name, code, message, details, stack, cause } = this;
    return printError({ name, code, message, details, stack, cause }, inspect);
  },
});

/** Anything can be thrown, and be the cause: its stack may be a getter that throws, or it a Proxy that does. */
function framesOf(cause: unknown): readonly string[] {
  try {
    return cause instanceof Error ? userFrames(cause.stack) : [];
  } catch {
    return [];
  }
}

const FRAMES = 50;

/** Deep enough to reach the user's code behind ours; Node takes ten frames by itself. A limit of zero is a wish to have none. */
function captureStack(): { readonly stack?: string } {
  const holder: { readonly stack?: string } = {};
  const { stackTraceLimit } = Error;
  const isWritable = Object.getOwnPropertyDescriptor(Error, 'stackTraceLimit')?.writable === true;
  if (isWritable && stackTraceLimit > 0) Error.stackTraceLimit = Math.max(stackTraceLimit, FRAMES);
  Error.captureStackTrace(holder);
  if (isWritable) Error.stackTraceLimit = stackTraceLimit;
  return holder;
}

/**
 * The stack of an error of ours is that of the user's code: of what it threw, where that is the cause, else of where Sluice was called. Our
 * own frames would only be in the way. Read lazily: formatting a stack costs more than a step.
 */
function showUserFrames(error: SluiceError, cause: unknown): void {
  if (typeof Error.captureStackTrace !== 'function') return;
  const own = captureStack();
  Object.defineProperty(error, 'stack', {
    configurable: true,
    get: () => {
      const thrown = framesOf(cause);
      return [`${error.name}: ${error.message}`, ...(thrown.length > 0 ? thrown : userFrames(own.stack))].join('\n');
    },
  });
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

/** Keyed rows, or a delta of them, are not what they must be. Nothing was changed: every collection and state stays as it was. */
export class DeltaError extends SluiceError {
  readonly code: DeltaCode;

  constructor(code: DeltaCode, message: string, context?: ErrorContext) {
    super(message, context);
    this.code = code;
  }
}
