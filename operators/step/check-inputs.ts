import { StepError } from '../../lib/kernel/errors.ts';
import { quote } from '../../lib/kernel/print.ts';
import { checkValue, printIssues, type Checked, type Schema } from '../../lib/kernel/schema.ts';
import { fixValue } from '../../lib/kernel/value/fix.ts';
import type { AnyOp } from '../../lib/model/op.ts';

/** What a body is called with, by input name. */
export type BodyInputs = Readonly<Record<string, unknown>>;

/**
 * Passes the inputs of a step through the schemas of its op: what they make of an entry is what the body gets. An optional input without a
 * value is not checked. A promise only where a schema takes its time.
 *
 * @throws StepError INPUT_INVALID, with the path inside the value; or rejects with it
 */
export function checkInputs(
  { op, step }: { readonly op: AnyOp; readonly step: string },
  inputs: BodyInputs,
): BodyInputs | Promise<BodyInputs> {
  if (op.checkedInputs.length === 0) return inputs;
  const checks = op.checkedInputs.flatMap((input) => {
    const { kind, optional, schema } = op.inputs[input] ?? {};
    const value = inputs[input];
    if (schema === undefined || (optional && value === undefined)) return [];
    return [{ input, checked: kind === 'list' && Array.isArray(value) ? checkList(schema, value) : checkValue(schema, value) }];
  });
  const accept = (done: readonly { readonly input: string; readonly checked: Checked }[]): BodyInputs => {
    const accepted = done.map(({ input, checked }) => {
      if (!checked.valid) throw invalid(op, step, { input, checked });
      fixValue(checked.value);
      return [input, checked.value] as const;
    });
    return Object.freeze(Object.fromEntries([...Object.entries(inputs), ...accepted]));
  };
  const done = checks.flatMap(({ input, checked }) => (checked instanceof Promise ? [] : [{ input, checked }]));
  if (done.length === checks.length) return accept(done);
  return Promise.all(checks.map(async ({ input, checked }) => ({ input, checked: await checked }))).then(accept);
}

/** One entry after the other; what is wrong is told with the place of the entry in front. */
function checkList(schema: Schema, entries: readonly unknown[]): Checked | Promise<Checked> {
  const all = entries.map((entry) => checkValue(schema, entry));
  return all.some((checked) => checked instanceof Promise)
    ? Promise.all(all.map((checked) => Promise.resolve(checked))).then(joinEntries)
    : joinEntries(all.filter(isDone));
}

function isDone(checked: Checked | Promise<Checked>): checked is Checked {
  return !(checked instanceof Promise);
}

function joinEntries(all: readonly Checked[]): Checked {
  const issues = all.flatMap((checked, index) =>
    checked.valid ? [] : checked.issues.map(({ path, message }) => ({ path: `$[${index}]${path.slice(1)}`, message })),
  );
  if (issues.length === 0) return { valid: true, value: Object.freeze(all.flatMap((checked) => (checked.valid ? [checked.value] : []))) };
  const threw = all.find((checked) => !checked.valid && checked.cause !== undefined);
  return { valid: false, issues, ...(threw !== undefined && !threw.valid && { cause: threw.cause }) };
}

interface Refusal {
  readonly input: string;
  readonly checked: Extract<Checked, { readonly valid: false }>;
}

function invalid(op: AnyOp, step: string, { input, checked: { issues, cause } }: Refusal): StepError {
  return new StepError(
    'INPUT_INVALID',
    `Step ${quote(step)} got what its schema refuses on input "${input}": ${printIssues(issues)}. Make what feeds it fit, or widen the schema.`,
    { details: { step, op: op.name, input, issues }, ...(cause !== undefined && { cause }) },
  );
}
