/**
 * A sum of numbers without any rounding, so that it does not depend on the order of its parts, and what was added can be taken away again
 * without leaving a trace: `0.1 + 0.2 - 0.2` is `0.1`. Rounded once, when it is read.
 *
 * Equal sums are equal records, whatever way they came about.
 */
export interface ExactSum {
  /** The whole numbers of it, but for multiples of 2^53, in [-2^52, 2^52). */
  readonly whole: number;
  /** Everything else that is finite, in units of 2^-1074: every number is a whole count of these. */
  readonly rest: bigint;
  readonly nans: number;
  /** How many more times `Infinity` was added than taken away. */
  readonly infinities: number;
  readonly negativeInfinities: number;
}

/** The sum of nothing. */
export const ZERO_SUM: ExactSum = Object.freeze({ whole: 0, rest: 0n, nans: 0, infinities: 0, negativeInfinities: 0 });

const HALF = 2 ** 52;
const WHOLE = 2 ** 53;
const UNITS = 1074;
const WHOLE_IN_UNITS = 1n << BigInt(UNITS + 53);

/** The sum with a number added `times` times; -1 takes it away. */
export function addExactly(sum: ExactSum, value: number, times: 1 | -1): ExactSum {
  if (Number.isInteger(value) && value >= -HALF && value <= HALF) return addWhole(sum, value * times);
  const { whole, rest, nans, infinities, negativeInfinities } = sum;
  const isNaN = Number.isNaN(value);
  return Object.freeze({
    whole,
    rest: Number.isFinite(value) ? rest + BigInt(times) * inUnits(value) : rest,
    nans: isNaN ? nans + times : nans,
    infinities: value === Number.POSITIVE_INFINITY ? infinities + times : infinities,
    negativeInfinities: value === Number.NEGATIVE_INFINITY ? negativeInfinities + times : negativeInfinities,
  });
}

function addWhole(sum: ExactSum, value: number): ExactSum {
  const { nans, infinities, negativeInfinities } = sum;
  let whole = sum.whole + value;
  let { rest } = sum;
  if (whole >= HALF) {
    whole -= WHOLE;
    rest += WHOLE_IN_UNITS;
  } else if (whole < -HALF) {
    whole += WHOLE;
    rest -= WHOLE_IN_UNITS;
  }
  return Object.freeze({ whole, rest, nans, infinities, negativeInfinities });
}

/** The number nearest to the sum. */
export function roundSum({ whole, rest, nans, infinities, negativeInfinities }: ExactSum): number {
  if (nans > 0 || (infinities > 0 && negativeInfinities > 0)) return Number.NaN;
  if (infinities > 0) return Number.POSITIVE_INFINITY;
  if (negativeInfinities > 0) return Number.NEGATIVE_INFINITY;
  return rest === 0n ? whole : fromUnits(rest + (BigInt(whole) << BigInt(UNITS)));
}

const float = new Float64Array(1);
const bits = new BigUint64Array(float.buffer);

function inUnits(value: number): bigint {
  float[0] = Math.abs(value);
  const [word = 0n] = bits;
  const exponent = word >> 52n;
  const fraction = word & ((1n << 52n) - 1n);
  // Numbers too small for an exponent of their own have no bit in front, and the lowest exponent.
  const units = exponent === 0n ? fraction : (fraction | (1n << 52n)) << (exponent - 1n);
  return value < 0 ? -units : units;
}

/** More bits than a number keeps, so that the last one only has to say whether anything is below. */
const KEPT_BITS = 66;

function fromUnits(units: bigint): number {
  const size = units < 0n ? -units : units;
  const excess = Math.max(0, size.toString(16).length * 4 - KEPT_BITS);
  const kept = size >> BigInt(excess);
  const isCut = kept << BigInt(excess) !== size;
  const rounded = Number(isCut ? kept | 1n : kept) * 2 ** (excess - UNITS);
  return units < 0n ? -rounded : rounded;
}
