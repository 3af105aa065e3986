import { hash } from 'node:crypto';
import { canonicalBytes } from './canonical.ts';
import { isKnownImmutable } from './fix.ts';
import { RecentObjects } from './recent-objects.ts';

/** Versions of objects that cannot change. */
const versions = new RecentObjects<string>();

/**
 * The data version of a storable value: equal for equal values, whatever the order of keys, Map entries and
 * Set members, and different for different ones.
 *
 * Cost: encoding and sha256 of the whole, once for each immutable object, as long as it is remembered.
 *
 * @throws Error if `fixValue` finds that the value cannot be stored
 */
export function dataVersion(value: unknown): string {
  if (typeof value !== 'object' || value === null) return sha256(canonicalBytes(value));
  const known = versions.get(value);
  if (known !== undefined) return known;
  const version = sha256(canonicalBytes(value));
  if (isKnownImmutable(value)) versions.set(value, version);
  return version;
}

/** The address of a stored value: the hash of its bytes as `encodeValue` gives them. */
export function address(bytes: Uint8Array): string {
  return sha256(bytes);
}

function sha256(bytes: Uint8Array): string {
  return `sha256:${hash('sha256', bytes)}`;
}
