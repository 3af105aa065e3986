/** What a JavaScript user passes where the types would refuse it. */
export function untyped<T = never>(value: unknown): T {
  // The point of the tests that use this: the compiler must not be asked, so that the runtime is.
  return value as T;
}
