import type { StandardSchemaV1 } from '@standard-schema/spec';
import { kindOf, UNREADABLE } from './print.ts';
import { isThenable } from './thenable.ts';
import { printKeys } from './value/path.ts';

/** A schema of any library that speaks Standard Schema (zod, valibot, arktype, …): https://standardschema.dev */
export type Schema<In = unknown, Out = In> = StandardSchemaV1<In, Out>;

/** What a schema takes. */
export type SchemaInput<S> = S extends Schema ? StandardSchemaV1.InferInput<S> : never;

/** What a schema makes of it. */
export type SchemaOutput<S> = S extends Schema ? StandardSchemaV1.InferOutput<S> : never;

/** What is wrong at one place inside a value. */
export interface SchemaIssue {
  /** From the whole value, `$`, inwards: `$.rows[3].id`. */
  readonly path: string;
  readonly message: string;
}

/** What a schema says of a value: what it made of it, or at least one issue. `cause` is what the schema threw, where it did. */
export type Checked =
  | { readonly valid: true; readonly value: unknown }
  | { readonly valid: false; readonly issues: readonly SchemaIssue[]; readonly cause?: unknown };

/** Whether a value is a schema. Those of arktype are functions. */
export function isSchema(value: unknown): value is Schema {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  const standard: unknown = Reflect.get(value, '~standard');
  return typeof standard === 'object' && standard !== null && typeof Reflect.get(standard, 'validate') === 'function';
}

/**
 * Asks a schema about a value. A promise only where the schema takes its time. Neither throws nor rejects: what a schema throws is an issue
 * of the whole value.
 */
export function checkValue(schema: Schema, value: unknown): Checked | Promise<Checked> {
  try {
    const result: unknown = schema['~standard'].validate(value);
    return isThenable(result) ? Promise.resolve(result).then(readResult).catch(threw) : readResult(result);
  } catch (error) {
    return threw(error);
  }
}

/** Schemas may be written by hand: what they give may have any form. */
function readResult(result: unknown): Checked {
  if (typeof result !== 'object' || result === null) return refusal(`the schema gave ${kindOf(result)} as its result`);
  const issues: unknown = Reflect.get(result, 'issues');
  if (issues === undefined || issues === null) return { valid: true, value: Reflect.get(result, 'value') };
  if (!Array.isArray(issues)) return refusal(`the schema refused it, with issues that are ${kindOf(issues)}`);
  return issues.length === 0 ? refusal('the schema refused it without a reason') : { valid: false, issues: Array.from(issues, readIssue) };
}

function refusal(message: string, path = '$'): Extract<Checked, { readonly valid: false }> {
  return { valid: false, issues: [{ path, message }] };
}

function readIssue(issue: unknown): SchemaIssue {
  const message: unknown = fieldOf(issue, 'message');
  const path: unknown = fieldOf(issue, 'path');
  // Copied, since a list of a library's own class may make something else of map().
  const keys = Array.isArray(path) ? Array.from(path, (segment: unknown) => (isObject(segment) ? fieldOf(segment, 'key') : segment)) : [];
  // Members of a Set have no key, and keys of a Map may be anything: the path ends before the first one that no property has.
  const known = keys.findIndex((key) => !isKey(key));
  return { path: printKeys((known < 0 ? keys : keys.slice(0, known)).filter(isKey)), message: textOf(message) };
}

function textOf(message: unknown): string {
  return typeof message === 'string' && message.trim() !== '' ? message : 'refused without a reason';
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function fieldOf(value: unknown, field: string): unknown {
  return isObject(value) ? Reflect.get(value, field) : undefined;
}

function isKey(key: unknown): key is PropertyKey {
  return typeof key === 'string' || typeof key === 'number' || typeof key === 'symbol';
}

function threw(cause: unknown): Checked {
  return { ...refusal(`the schema threw: ${messageOf(cause)}`), cause };
}

/** Reading what was thrown may throw again: anything can be thrown. */
function messageOf(cause: unknown): string {
  try {
    return cause instanceof Error ? textOf(cause.message) : 'something that is no Error';
  } catch {
    return UNREADABLE;
  }
}

const SHOWN = 3;

/** The issues as one sentence has room for: `expected a number at $.rows[3].id`, at most three. */
export function printIssues(issues: readonly SchemaIssue[]): string {
  const shown = issues.slice(0, SHOWN).map(({ path, message }) => `${message.replace(/\s+/g, ' ').slice(0, 200)} at ${path}`);
  return `${shown.join('; ')}${issues.length > SHOWN ? `; and ${issues.length - SHOWN} more` : ''}`;
}
