import { decodeValue, encodeValue } from '../../lib/kernel/value/canonical.ts';
import { fixValue } from '../../lib/kernel/value/fix.ts';
import type { BodyInputs } from './check-inputs.ts';

/**
 * Gives the very same inputs as often as wanted, whatever a body did to those that it got before: what cannot be frozen (Map, Set, Date,
 * typed arrays) is copied now, and anew each time. What no store could keep passes by reference. Costs nothing for frozen values.
 */
export function copiesOf(inputs: BodyInputs): () => BodyInputs {
  const bytes = Object.entries(inputs).flatMap(([input, value]) => {
    const fixed = fixValue(value);
    return fixed.storable && !fixed.immutable ? encode(input, value) : [];
  });
  if (bytes.length === 0) return () => inputs;
  return () => Object.freeze({ ...inputs, ...Object.fromEntries(bytes.map(([input, encoded]) => [input, decodeValue(encoded)])) });
}

function encode(input: string, value: unknown): readonly (readonly [string, Uint8Array])[] {
  try {
    return [[input, encodeValue(value)]];
  } catch (error) {
    // More bytes than there are: then it is passed on as it is.
    if (error instanceof RangeError) return [];
    throw error;
  }
}
