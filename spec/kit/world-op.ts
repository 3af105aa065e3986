import type { WorldOp } from './define-world.ts';
import type { WorldBody } from './reference.ts';

/**
 * What a made-up op emits. All outputs: `all`, or of few values: `collapse`. Some: those `selected`; `required` ones; `data`, required ones
 * and optional ones by value; `omit`, whatever by value; `holes`, `undefined` and `null` by value. What fails: `fail` by value before the
 * first emission, `late` by value after it, `throw` always, `undeclared` always, and `twice` by value, by emitting what none may emit.
 */
export type Behaviour =
  'all' | 'selected' | 'data' | 'required' | 'holes' | 'omit' | 'collapse' | 'fail' | 'late' | 'twice' | 'undeclared' | 'throw';

interface Emitting {
  readonly name: string;
  readonly value: number;
  readonly required: boolean;
  readonly selected: boolean;
}

type Emitted = readonly (readonly [output: string, value: unknown])[];

const whole = ({ name, value }: Emitting): Emitted => [[name, value]];
const when = (condition: boolean, each: Emitting): Emitted => (condition ? whole(each) : []);

/** What each behaviour emits on one output; the plainest first. */
const emittedBy: Readonly<Record<Behaviour, (each: Emitting) => Emitted>> = {
  all: whole,
  selected: (each) => when(each.selected, each),
  data: (each) => when(each.required || each.value % 3 !== 0, each),
  required: (each) => when(each.required, each),
  holes: ({ name, value }) => [[name, [undefined, null, value][value % 3]]],
  omit: (each) => when(each.value % 3 !== 0, each),
  collapse: whole,
  fail: whole,
  late: whole,
  twice: (each) => [...whole(each), ...when(each.value % 2 === 0, each)],
  undeclared: (each) => [...whole(each), [`${each.name}_`, each.value]],
  throw: () => [],
};

/** All behaviours under which something may come out, the plainest first. */
export const behaviours: readonly Behaviour[] = [
  'all',
  'selected',
  'data',
  'required',
  'holes',
  'omit',
  'collapse',
  'fail',
  'late',
  'twice',
  'undeclared',
];

/** The behaviours under which nothing fails, whatever is selected. */
export const harmlessBehaviours: readonly Behaviour[] = ['all', 'selected', 'data', 'collapse'];

/** What makes an op. `k` tells it apart from others with equal inputs. */
export type OpParts = Pick<WorldOp, 'name' | 'inputs' | 'outputs' | 'form'> & { readonly behaviour: Behaviour; readonly k: number };

const MODULUS = 10_007;

/** Makes an op whose values depend on every input, on the order of lists, and on what is missing. */
export function worldOp({ behaviour, k, ...parts }: OpParts): WorldOp {
  const { inputs, outputs } = parts;
  const names = Object.keys(outputs);
  const plain = names.length === 1 && outputs['result']?.required === true && /^(all|collapse|fail)$/.test(behaviour);
  // A record cannot hold an output twice.
  const form = behaviour === 'twice' && /^(record|promise)$/.test(parts.form) ? 'generator' : parts.form;
  const read = inputs.filter(({ kind }) => kind !== 'nothing').map((each) => each.name);
  const emit: WorldBody = function* emit(given, selected) {
    const total = read.reduce((sum, name, i) => sum + (i + 1) * weigh(given[name]), 0);
    const fails = (by: Behaviour): boolean => behaviour === by && (behaviour === 'throw' || (total + k) % 3 === 0);
    if (fails('throw') || fails('fail')) throw new Error(`${total} + ${k} is divisible by 3`);
    for (const [n, name] of names.entries()) {
      const value = (k + 31 * n + (behaviour === 'collapse' ? total % 3 : total)) % MODULUS;
      yield* emittedBy[behaviour]({ name, value, required: outputs[name]?.required === true, selected: selected.has(name) });
      if (fails('late')) throw new Error(`${total} + ${k} is divisible by 3, after "${name}"`);
    }
  };
  return { ...parts, form, plain, emit, made: { behaviour, k }, shown: `${behaviour}, k=${k}, ${plain ? 'plain ' : ''}${form}` };
}

function weigh(value: unknown): number {
  if (value === undefined) return 7;
  if (Array.isArray(value)) return value.reduce((sum: number, each: unknown, j) => sum + (j + 1) * weigh(each), 101 * value.length);
  return Number(value);
}
