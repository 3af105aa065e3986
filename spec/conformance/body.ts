import { from, map, of, switchMap, type Observable } from 'rxjs';
import { emit, type Emission } from '../../index.ts';
import type { CaseOp } from './case.ts';

const MODULUS = 10_007;

type Values = Readonly<Record<string, unknown>>;
type Selected = ReadonlySet<string>;

/** The values that an execution of an op emits, in declared order, as README.md defines them. */
export function emissionsOf(op: CaseOp, values: Values, selected: Selected): readonly (readonly [output: string, value: number])[] {
  const total = totalOf(op, values);
  if (op.body === 'fail' && total % 5 === 0) throw new Error(`the total ${total} is divisible by 5`);
  const base = op.body === 'collapse' ? total % 3 : total;
  const all = op.outs.map(([output, isRequired], n) => ({ output, isRequired, value: (op.k + 31 * n + base) % MODULUS }));
  return all
    .filter(({ output, isRequired, value }) => isEmitted(op, { output, isRequired, value, selected }))
    .map(({ output, value }) => [output, value]);
}

interface Candidate {
  readonly output: string;
  readonly isRequired: boolean;
  readonly value: number;
  readonly selected: Selected;
}

function isEmitted({ body }: CaseOp, { output, isRequired, value, selected }: Candidate): boolean {
  if (body === 'selected') return selected.has(output);
  if (body === 'data') return isRequired || value % 3 !== 0;
  if (body === 'omit') return value % 3 !== 0;
  return true;
}

function totalOf({ ins }: CaseOp, values: Values): number {
  return ins
    .filter(([, kind]) => kind !== 'nothing')
    .map(([name]) => weigh(values[name]))
    .reduce((total, value, i) => total + (i + 1) * value, 0);
}

function weigh(value: unknown): number {
  if (Array.isArray(value)) return value.reduce((total: number, each: unknown, j) => total + (j + 1) * weigh(each), 0);
  if (typeof value !== 'number') throw new Error(`a body of a case reads numbers, and got ${String(value)}`);
  return value;
}

type Context = { readonly selectedOutputs: Selected };

/** The bodies that an op with declared outputs may have: one of each form, all with the same emissions. */
export type Body =
  | { readonly run: (inputs: Values, context: Context) => Readonly<Record<string, number>> }
  | { readonly run: (inputs: Values, context: Context) => Promise<Readonly<Record<string, number>>> }
  | { readonly run: (inputs: Values, context: Context) => Generator<Emission, void, unknown> }
  | { readonly run: (inputs: Values, context: Context) => AsyncGenerator<Emission, void, unknown> }
  | { readonly run: (inputs: Values, context: Context) => Observable<Emission> }
  | { readonly operator: (frames: Observable<Values>, context: Context) => Observable<Emission> };

/**
 * The body of an op. Its number picks the form, so that the vectors go through all of them: which form a body has is nothing that the rules
 * may depend on.
 */
export function bodyOf(op: CaseOp): Body {
  const emissions = (values: Values, { selectedOutputs }: Context): readonly Emission[] =>
    emissionsOf(op, values, selectedOutputs).map(([output, value]) => emit(output, value));
  const record = (values: Values, { selectedOutputs }: Context): Readonly<Record<string, number>> =>
    Object.fromEntries(emissionsOf(op, values, selectedOutputs));
  const forms: readonly [Body, ...Body[]] = [
    { run: record },
    {
      *run(values, context) {
        yield* emissions(values, context);
      },
    },
    { run: async (values, context) => record(values, context) },
    {
      async *run(values, context) {
        yield* emissions(values, context);
      },
    },
    { run: (values, context) => from(emissions(values, context)) },
    {
      operator: (frames, context) =>
        frames.pipe(
          map((values) => emissions(values, context)),
          switchMap((all) => of(...all)),
        ),
    },
  ];
  return forms[op.k % forms.length] ?? forms[0];
}
