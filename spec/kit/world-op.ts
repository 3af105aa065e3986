import type { WorldOp } from './define-world.ts';
import type { WorldBody } from './reference.ts';

/**
 * What a made-up op emits: all outputs; those selected; required ones alone, or optional ones by value too (`data`); whatever by value
 * (`omit`); all of few values (`collapse`); all or an error by value, before the first emission (`fail`) or after it
 * (`late`); an error (`throw`).
 */
export type Behaviour = 'all' | 'selected' | 'data' | 'omit' | 'required' | 'collapse' | 'fail' | 'late' | 'throw';

/** All behaviours under which something may come out, the plainest first. */
export const behaviours: readonly Behaviour[] = ['all', 'selected', 'data', 'required', 'omit', 'collapse', 'fail', 'late'];

/** The behaviours under which nothing fails, whatever is selected. */
export const harmlessBehaviours: readonly Behaviour[] = ['all', 'selected', 'data', 'collapse'];

/** What makes an op. `k` tells it apart from others with equal inputs. */
export type OpParts = Pick<WorldOp, 'name' | 'inputs' | 'outputs' | 'form'> & { readonly behaviour: Behaviour; readonly k: number };

const MODULUS = 10_007;

/** Makes an op whose values depend on every input, on the order of lists, and on what is missing. */
export function worldOp({ name, inputs, outputs, form, behaviour, k }: OpParts): WorldOp {
  const names = Object.keys(outputs);
  const alwaysEmits = behaviour === 'all' || behaviour === 'collapse' || behaviour === 'fail';
  const plain = names.length === 1 && outputs['result']?.required === true && alwaysEmits;
  const read = inputs.filter(({ kind }) => kind !== 'nothing').map((each) => each.name);
  return {
    name,
    inputs,
    outputs,
    form,
    plain,
    emit: bodyOf({ read, names, outputs, behaviour, k }),
    shown: `${behaviour}, k=${k}, ${plain ? 'plain ' : ''}${form}`,
  };
}

interface BodyParts {
  readonly read: readonly string[];
  readonly names: readonly string[];
  readonly outputs: WorldOp['outputs'];
  readonly behaviour: Behaviour;
  readonly k: number;
}

function bodyOf({ read, names, outputs, behaviour, k }: BodyParts): WorldBody {
  return function* emit(given, selected) {
    const total = read.reduce((sum, name, i) => sum + (i + 1) * weigh(given[name]), 0);
    const isUnlucky = (total + k) % 3 === 0;
    if (behaviour === 'throw') throw new Error('always');
    if (behaviour === 'fail' && isUnlucky) throw new Error(`${total} + ${k} is divisible by 3`);
    for (const [n, name] of names.entries()) {
      const value = (k + 31 * n + (behaviour === 'collapse' ? total % 3 : total)) % MODULUS;
      const required = outputs[name]?.required === true;
      const isEmitted = { selected: selected.has(name), required, data: required || value % 3 !== 0, omit: value % 3 !== 0 };
      if (Reflect.get(isEmitted, behaviour) !== false) yield [name, value];
      if (behaviour === 'late' && isUnlucky) throw new Error(`${total} + ${k} is divisible by 3, after "${name}"`);
    }
  };
}

function weigh(value: unknown): number {
  if (value === undefined) return 7;
  if (Array.isArray(value)) return value.reduce((sum: number, each: unknown, j) => sum + (j + 1) * weigh(each), 101 * value.length);
  return Number(value);
}
