/** Whether a value is an object with a `then` to call: a promise, of this realm or another, or what passes for one. Reads `then`. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof Reflect.get(value, 'then') === 'function';
}
