/**
 * States a rule that only a bug of Sluice can break; never used for what a user passes.
 *
 * @throws Error whose message starts with `Sluice bug:`
 */
export function invariant(condition: boolean, rule: string): asserts condition {
  if (!condition) throw new Error(`Sluice bug: ${rule}. Please report it with the stack below.`);
}

/** Ends a switch over a closed union: a member that was forgotten is a compile error here. */
export function unreachable(member: never): never {
  throw new Error(`Sluice bug: unexpected member ${JSON.stringify(member)}`);
}
