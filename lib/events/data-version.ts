/**
 * Identity of a value, as a tagged string: `sha256:` over its canonical bytes, or `derived:` over what made it, or `run:` for what has no bytes that could be compared.
 * Compared only within one (step, output) or one source.
 */
export type DataVersion = string;

/** The hash of a stored value's bytes: what the value store keeps it under. */
export type Address = string;

/** What is known of an output, or of an asset that is read. */
export type OutputState =
  | { readonly state: 'value'; readonly version: DataVersion }
  | { readonly state: 'absent' }
  | { readonly state: 'failed' }
  | { readonly state: 'blocked' };

/** Whether two states are the same for a reader. */
export function sameState(a: OutputState, b: OutputState): boolean {
  return a.state === b.state && (a.state !== 'value' || b.state !== 'value' || a.version === b.version);
}

/** Whether a version is one of what made the value. */
export function isDerived(version: DataVersion): boolean {
  return version.startsWith('derived:');
}
