import { StepError } from '../../lib/kernel/errors.ts';
import { kindOf, quote } from '../../lib/kernel/print.ts';
import { isRecord } from '../../lib/kernel/record.ts';
import { decodeValue, encodeValue } from '../../lib/kernel/value/canonical.ts';
import { fixValue } from '../../lib/kernel/value/fix.ts';
import { dataVersion } from '../../lib/kernel/value/version.ts';
import type { OutputState } from '../../lib/events/data-version.ts';
import { encodeStorable, type EncodedValue } from '../../lib/events/store.ts';
import type { Step, StepOutput } from '../../lib/model/step-graph.ts';
import { NO_METADATA, type Emitted } from '../step/outputs.ts';

/** A value on an output, fixed at emission (X13). */
export interface ValueSlot {
  readonly state: 'value';
  readonly value: unknown;
  /** True for the value that lives elsewhere (X11): there is nothing to read. */
  readonly none: boolean;
  readonly version: string;
  /** The bytes to keep, where the output is an asset. */
  readonly encoded: EncodedValue | undefined;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** How one output of a step came out in this run. */
export type Slot = ValueSlot | { readonly state: 'absent' } | { readonly state: 'failed' } | { readonly state: 'blocked' };

/** The slot of an output that chose not to emit, or was skipped. Shared, since it carries nothing. */
export const ABSENT: Slot = Object.freeze({ state: 'absent' });
/** The slot of an output whose step failed. */
export const FAILED: Slot = Object.freeze({ state: 'failed' });
/** The slot of an output upstream of which something failed. */
export const BLOCKED: Slot = Object.freeze({ state: 'blocked' });

/** What the log keeps of a slot. */
export function stateOf(slot: Slot): OutputState {
  return slot.state === 'value' ? { state: 'value', version: slot.version } : slot;
}

interface Place {
  readonly step: Step;
  readonly output: StepOutput;
}

/**
 * Fixes what a body emitted: freezes plain data, gives it a version, and encodes what will be recorded. A value that no store can keep
 * passes by reference between ops, with a version of its own in every run, and fails the step on an asset (R6).
 *
 * @throws StepError VALUE_NOT_STORABLE, with the path inside the value
 */
export function fixEmitted(emitted: Emitted, place: Place & { readonly runId: string }): ValueSlot {
  const { step, output, runId } = place;
  const { value, none } = emitted;
  const metadata = fixMetadata(emitted, place);
  const given = emitted.version === undefined ? undefined : `user:${emitted.version}`;
  const fixed = fixValue(value);
  if (!fixed.storable && output.key !== undefined) throw notStorable(step, output, { what: 'The value', ...fixed });
  if (none || !fixed.storable || output.transient) {
    const version = given ?? `run:${runId}:${step.definition}:${step.path}.${output.name}`;
    return { state: 'value', value, none, version, encoded: undefined, metadata };
  }
  const encoded = output.key === undefined ? undefined : whole(place, 'The value', () => encodeStorable(value));
  const version = given ?? encoded?.version ?? whole(place, 'The value', () => dataVersion(value));
  return { state: 'value', value, none, version, encoded, metadata };
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
  return freezeEmitted({ ...emitted, metadata: fixMetadata(emitted, place) });
}

/** Fixes a value that nothing will record: frozen where it can be, with no version of its own. */
export function freezeEmitted({ value, none, metadata }: Emitted): ValueSlot {
  fixValue(value);
  return { state: 'value', value, none, version: 'none:', encoded: undefined, metadata };
}

function notStorable(
  step: Step,
  output: StepOutput,
  problem: { readonly what: string; readonly path: string; readonly problem: string },
): StepError {
  const asset = output.key === undefined ? '' : `, the asset ${quote(output.key)},`;
  return new StepError(
    'VALUE_NOT_STORABLE',
    `${problem.what} that step ${quote(step.id)} emitted on "${output.name}"${asset} cannot be stored: ${problem.problem} at ${problem.path}. Emit plain data.`,
    { details: { step: step.id, output: output.name, path: problem.path } },
  );
}
