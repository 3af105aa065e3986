import { StepError } from '../../lib/kernel/errors.ts';
import { kindOf, quote } from '../../lib/kernel/print.ts';
import { isRecord } from '../../lib/kernel/record.ts';
import { encodeValue } from '../../lib/kernel/value/canonical.ts';
import { decodeValue } from '../../lib/kernel/value/decode.ts';
import { fixValue } from '../../lib/kernel/value/fix.ts';
import { sameState, type Address, type OutputState } from '../../lib/events/data-version.ts';
import type { Trace } from '../../lib/plan/trace.ts';
import { encodeStorable } from '../../lib/events/store.ts';
import { encodeWith, type EncodedValue } from '../../lib/events/coded-value.ts';
import type { StoreLimits } from '../../lib/events/store-port.ts';
import { sizeOf, tooLarge } from '../../lib/events/value-limits.ts';
import type { Codec } from '../../lib/model/codec.ts';
import type { Step, StepOutput } from '../../lib/model/step-graph.ts';
import { NO_METADATA, type Emitted } from '../step/outputs.ts';

/** A value on an output, fixed at emission (X13). */
export interface ValueSlot {
  readonly state: 'value';
  readonly value: unknown;
  /** True for the value that lives elsewhere (X11): there is nothing to read. */
  readonly none: boolean;
  readonly version: string;
  /** The bytes to keep; none of what passes by reference. */
  readonly encoded: EncodedValue | undefined;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** An output that was not made again: what its trace says of it, and the value on demand. */
export interface KeptSlot {
  readonly state: 'kept';
  readonly kept: OutputState;
  readonly address: Address | null;
  readonly trace: Trace;
  /** The value, read once a run; `undefined` where the store has it no more. */
  readonly read: () => Promise<{ readonly value: unknown } | undefined>;
  /** Whether a step of this run was given the value. */
  readonly isUsed: () => boolean;
  /** What the body said of the value, where its step was executed after all. */
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/** How one output of a step came out in this run. */
export type Slot = ValueSlot | KeptSlot | { readonly state: 'absent' } | { readonly state: 'failed' } | { readonly state: 'blocked' };

/** The slot of an output that chose not to emit, or was skipped. Shared, since it carries nothing. */
export const ABSENT: Slot = Object.freeze({ state: 'absent' });
/** The slot of an output whose step failed. */
export const FAILED: Slot = Object.freeze({ state: 'failed' });
/** The slot of an output upstream of which something failed. */
export const BLOCKED: Slot = Object.freeze({ state: 'blocked' });

/** What the log keeps of a slot. */
export function stateOf(slot: Slot): OutputState {
  if (slot.state === 'kept') return slot.kept;
  return slot.state === 'value' ? { state: 'value', version: slot.version } : slot;
}

/** Whether readers of a slot see the same in another one (F5). */
export function isSameState(before: Slot | undefined, slot: Slot): boolean {
  return before !== undefined && sameState(stateOf(before), stateOf(slot));
}

/** Where the value of a slot is kept. */
export function addressOf(slot: Slot): Address | null {
  if (slot.state === 'kept') return slot.address;
  return slot.state === 'value' ? (slot.encoded?.address ?? null) : null;
}

interface Place {
  readonly step: Step;
  readonly output: StepOutput;
}

interface EmittedPlace extends Place {
  readonly runId: string;
  readonly derived?: (output: string) => string;
}

/**
 * Fixes what a body emitted: freezes plain data, gives it a version, and encodes what will be recorded. A value that no store can keep
 * passes by reference between ops, with a version of its own in every run, and fails the step on an asset (R6). What has a codec is encoded
 * and nothing else: it is not looked into.
 *
 * @throws StepError VALUE_NOT_STORABLE, with the path inside the value
 */
export function fixEmitted(emitted: Emitted, place: EmittedPlace): ValueSlot {
  const { output } = place;
  const { value, none } = emitted;
  const metadata = fixMetadata(emitted, place);
  const given = givenVersion(emitted, place);
  // Nobody keeps it, so it needs no bytes.
  if (given !== undefined && isDerived(emitted, place)) return { ...freezeEmitted(emitted, output), version: given, metadata };
  if (output.codec !== undefined && !none) {
    const encoded = encodeEmitted(output.codec, value, place);
    return { state: 'value', value, none, version: given ?? encoded.version, encoded, metadata };
  }
  return { value, none, metadata, ...fixPlain(emitted, place, given) };
}

/** Freezes plain data, and encodes it where somebody keeps it. */
function fixPlain(
  { value, none }: Emitted,
  place: EmittedPlace,
  given: string | undefined,
): Pick<ValueSlot, 'state' | 'version' | 'encoded'> {
  const { step, output, runId } = place;
  const fixed = fixValue(value);
  if (!fixed.storable && output.key !== undefined) throw notStorable(step, output, { what: 'The value', ...fixed });
  if (none || !fixed.storable || output.transient)
    return { state: 'value', version: given ?? unrepeatable(runId, place), encoded: undefined };
  const encoded = whole(place, 'The value', () => encodeStorable(value));
  return { state: 'value', version: given ?? encoded.version, encoded };
}

/** Whether nothing of a value is looked at: neither its version nor its bytes. */
function isDerived({ none }: Emitted, { output }: Place): boolean {
  return output.version === 'derived' && output.key === undefined && !none;
}

/** The version that does not depend on the value: the body's own, or that of what made it. */
function givenVersion({ version, none }: Emitted, { output, derived }: EmittedPlace): string | undefined {
  if (version !== undefined) return `user:${version}`;
  return output.version === 'derived' && !none ? derived?.(output.name) : undefined;
}

/** The version of what passes by reference: one of its own in every run (R6). */
function unrepeatable(runId: string, { step, output }: Place): string {
  return `run:${runId}:${step.definition}:${step.path}.${output.name}`;
}

/**
 * Holds a slot to the limits of its store: a value that is too large is none that the store can keep (R6).
 *
 * @throws StepError VALUE_TOO_LARGE on an asset
 */
export function withinLimits(slot: ValueSlot, place: Place, { maxValueBytes }: StoreLimits): ValueSlot {
  const { encoded } = slot;
  if (encoded === undefined || sizeOf(encoded) <= maxValueBytes) return slot;
  const { step, output } = place;
  if (output.key === undefined) return { ...slot, encoded: undefined };
  const bytes = sizeOf(encoded);
  throw new StepError('VALUE_TOO_LARGE', `${notStored(step, output, 'The value')}: it ${tooLarge(bytes, maxValueBytes)}`, {
    details: { step: step.id, output: output.name, bytes, maxValueBytes },
  });
}

function encodeEmitted(codec: Codec, value: unknown, { step, output }: Place): EncodedValue {
  const made = encodeWith(codec, value);
  if ('bytes' in made) return made;
  const { problem, cause } = made;
  throw new StepError('VALUE_NOT_STORABLE', `${notStored(step, output, 'The value')}: ${problem}.`, {
    details: { step: step.id, output: output.name, codec: codec.name },
    ...(cause !== undefined && { cause }),
  });
}

/** Plain data that shares parts can take more bytes than there are: nothing else of it can fail to be encoded. */
function whole<T>({ step, output }: Place, what: string, encode: () => T): T {
  try {
    return encode();
  } catch (error) {
    if (error instanceof RangeError) throw notStorable(step, output, { what, path: '$', problem: 'more than 1 GiB of bytes' });
    throw error;
  }
}

/** Metadata is recorded later than it is emitted: what of it cannot be frozen is copied (X13). */
function fixMetadata({ metadata }: Emitted, place: Place): Emitted['metadata'] {
  if (metadata === NO_METADATA) return metadata;
  const { step, output } = place;
  const fixed = fixValue(metadata);
  if (!fixed.storable) throw notStorable(step, output, { what: 'The metadata', ...fixed });
  if (!isRecord(metadata)) {
    throw new StepError(
      'OP_BODY',
      `Step ${quote(step.id)} emitted "${output.name}" with metadata that is ${kindOf(metadata)}. Give a record of name to value.`,
      {
        details: { step: step.id, output: output.name },
      },
    );
  }
  if (fixed.immutable) return metadata;
  // A copy of the record.
  return whole(place, 'The metadata', () => decodeValue(encodeValue(metadata))) as Emitted['metadata'];
}

/**
 * Fixes a value that nothing will record, with the checks that do not depend on that.
 *
 * @throws StepError VALUE_NOT_STORABLE, OP_BODY for metadata that is none
 */
export function checkEmitted(emitted: Emitted, place: Place): ValueSlot {
  return freezeEmitted({ ...emitted, metadata: fixMetadata(emitted, place) }, place.output);
}

/** Fixes a value that nothing will record: frozen where it can be and no codec has it, with no version of its own. */
export function freezeEmitted({ value, none, metadata }: Emitted, { codec }: StepOutput): ValueSlot {
  if (codec === undefined) fixValue(value);
  return { state: 'value', value, none, version: 'none:', encoded: undefined, metadata };
}

function notStored({ id }: Step, { name, key }: StepOutput, what: string): string {
  const asset = key === undefined ? '' : `, the asset ${quote(key)},`;
  return `${what} that step ${quote(id)} emitted on "${name}"${asset} cannot be stored`;
}

function notStorable(
  step: Step,
  output: StepOutput,
  problem: { readonly what: string; readonly path: string; readonly problem: string },
): StepError {
  return new StepError(
    'VALUE_NOT_STORABLE',
    `${notStored(step, output, problem.what)}: ${problem.problem} at ${problem.path}. Emit plain data.`,
    { details: { step: step.id, output: output.name, path: problem.path } },
  );
}
