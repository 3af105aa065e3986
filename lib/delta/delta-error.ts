/** Stable codes of {@link DeltaError}. */
export type DeltaErrorCode =
  'ROW_KEY_INVALID' | 'ROW_KEY_REPEATED' | 'ROW_NOT_STORABLE' | 'DELTA_MISMATCH' | 'AGGREGATE_NOT_INVERTIBLE' | 'FLOW_MISUSED';

/** Keyed rows, or a delta of them, are not what they must be. Nothing was changed: every collection and state stays as it was. */
export class DeltaError extends Error {
  readonly code: DeltaErrorCode;
  /** Machine-readable facts that the message speaks of: the key, and where it was met. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: DeltaErrorCode, message: string, details: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.name = 'DeltaError';
    this.code = code;
    this.details = details;
  }
}
