/** One epoch of an operator: a frame of inputs in, a record of the outputs that have a value out. Aborting it stops what runs. */
export type EpochOf = (frame: Readonly<Record<string, unknown>>, signal: AbortSignal, done: EpochDone) => void;

/** Called once: with the record, or with the failure. */
export type EpochDone = (ended: { readonly outputs: Readonly<Record<string, unknown>> } | { readonly error: unknown }) => void;
