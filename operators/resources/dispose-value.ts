import type { ResourceFactory } from '../../lib/model/resource.ts';

/** Lets go of a value that a factory opened: by the factory's own `dispose`, else by the value's. Rejects with what that threw. */
export async function disposeValue(factory: ResourceFactory<unknown>, value: unknown): Promise<void> {
  if (factory.dispose !== undefined) await factory.dispose(value);
  else await disposeItself(value);
}

function disposeItself(value: unknown): unknown {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return undefined;
  const own: unknown = Reflect.get(value, Symbol.asyncDispose) ?? Reflect.get(value, Symbol.dispose);
  // What is returned is waited for in both cases: a Symbol.dispose that is an async function would else reject where nobody listens.
  return typeof own === 'function' ? Reflect.apply(own, value, []) : undefined;
}
