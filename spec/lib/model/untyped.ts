/** A function as somebody without a compiler sees it: it takes anything and gives something. */
export function untyped(fn: unknown): (...args: readonly unknown[]) => unknown {
  // Only functions are passed, and calling them with what their types refuse is what these specs are about.
  return fn as (...args: readonly unknown[]) => unknown;
}
