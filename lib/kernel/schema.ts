import type { StandardSchemaV1 } from '@standard-schema/spec';
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
    const result = schema['~standard'].validate(value);
    return result instanceof Promise ? result.then(readResult).catch(threw) : readResult(result);
  } catch (error) {
    return threw(error);
  }
}

function readResult(result: StandardSchemaV1.Result<unknown>): Checked {
  if (result.issues === undefined) return { valid: true, value: result.value };
  const issues = result.issues.map(({ message, path = [] }) => ({
    path: printKeys(path.map((segment) => (typeof segment === 'object' ? segment.key : segment))),
    message,
  }));
  return { valid: false, issues: issues.length > 0 ? issues : [{ path: '$', message: 'the schema refused it without a reason' }] };
}

function threw(cause: unknown): Checked {
  const said = cause instanceof Error ? cause.message : 'something that is no Error';
  return { valid: false, issues: [{ path: '$', message: `the schema threw: ${said}` }], cause };
}

const SHOWN = 3;

/** The issues as one sentence has room for: `expected a number at $.rows[3].id`, at most three. */
export function printIssues(issues: readonly SchemaIssue[]): string {
  const shown = issues.slice(0, SHOWN).map(({ path, message }) => `${message.replace(/\s+/g, ' ').slice(0, 200)} at ${path}`);
  return `${shown.join('; ')}${issues.length > SHOWN ? `; and ${issues.length - SHOWN} more` : ''}`;
}
