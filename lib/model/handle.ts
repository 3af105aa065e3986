import { invariant } from '../kernel/invariant.ts';

declare const carries: unique symbol;
declare const carriesList: unique symbol;

/**
 * What a graph body wires: one output of an invocation, or one input of the graph. It stands for a value of type `T` that does not
 * exist yet; the type is there for the compiler alone.
 */
export interface Handle<T = unknown> {
  /** For people who print it: `clean.rows`, or `input feed`. */
  readonly handle: string;
  readonly [carries]: T | undefined;
  readonly [carriesList]: undefined;
}

/** A graph's own *list* input: goes into a list input of an invocation, alone or among others, with all its entries. */
export interface ListHandle<T = unknown> {
  readonly handle: string;
  readonly [carriesList]: T | undefined;
  readonly [carries]: undefined;
}

/** Where a handle points, inside one graph. */
export type WireRef =
  | { readonly from: 'invocation'; readonly invocation: string; readonly output: string }
  | { readonly from: 'input'; readonly input: string };

/** The graph body that made a handle. Compared by identity, so a handle cannot be used in another graph. */
export type HandleOwner = object;

interface Origin {
  readonly owner: HandleOwner;
  readonly ref: WireRef;
}

// The origin is kept beside the handle, so that a handle shows users nothing that they could come to rely on.
const origins = new WeakMap<object, Origin>();

/** Makes a handle that belongs to one graph body. */
export function createHandle(owner: HandleOwner, ref: WireRef): Handle {
  // What it carries is a type and no value: reading it gives the `undefined` that its type allows.
  const handle = Object.freeze({ handle: printRef(ref) }) as Handle;
  origins.set(handle, Object.freeze({ owner, ref }));
  return handle;
}

/** Whether a value is a handle of any graph. */
export function isHandle(value: unknown): value is Handle {
  return typeof value === 'object' && value !== null && origins.has(value);
}

/** Where a handle points, and in whose body. */
export function originOf(handle: Handle): Origin {
  const origin = origins.get(handle);
  invariant(origin !== undefined, 'originOf takes handles only');
  return origin;
}

/** `clean.rows`, or `input feed`. */
export function printRef(ref: WireRef): string {
  return ref.from === 'input' ? `input ${ref.input}` : `${ref.invocation}.${ref.output}`;
}
