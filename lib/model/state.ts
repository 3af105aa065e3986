import { DefinitionError } from '../kernel/errors.ts';
import { kindOf } from '../kernel/print.ts';
import { isRecord } from '../kernel/record.ts';
import { checkOptions, type Fields } from './options.ts';

/** What an op remembers from one epoch to the next. */
export interface StateDefinition<M = unknown> {
  /** Makes what a step starts from that has no state yet: a record, a list, a Map or a Set of plain data. */
  readonly initial: () => M;
}

/** What a draft gives as it is: it can only be replaced. */
type Whole = Date | ArrayBuffer | ArrayBufferView | ((...given: never) => unknown);

/** A state as a body may change it in place. */
export type StateDraft<M> = M extends Whole
  ? M
  : M extends ReadonlyMap<infer K, infer V>
    ? Map<K, StateDraft<V>>
    : M extends ReadonlySet<infer V>
      ? Set<StateDraft<V>>
      : M extends object
        ? { -readonly [K in keyof M]: StateDraft<M[K]> }
        : M;

/** What the body of an op that keeps state is told beside what every body is. */
export interface WithState<M> {
  /**
   * The last committed state of this step, to be changed in place. What is changed is committed with the step, and forgotten where the
   * attempt fails or is cancelled. Open until the attempt is over; after that it throws.
   */
  readonly state: StateDraft<M>;
}

/** What a context has more where the op declares a state of type `M`. */
export type StateContext<M> = [M] extends [undefined] ? unknown : WithState<M>;

const STATE_FIELDS: Fields<StateDefinition> = { initial: true };

/**
 * Reads the option `state` of an op.
 *
 * @throws DefinitionError INVALID_DEFINITION
 */
export function checkState(given: unknown, where: string): StateDefinition | undefined {
  if (given === undefined) return undefined;
  checkOptions(given, STATE_FIELDS, `"state" of ${where}`);
  const initial = isRecord(given) ? given['initial'] : undefined;
  // Called without arguments, and what it gives is checked when it is.
  if (typeof initial === 'function') return Object.freeze({ initial: initial.bind(given) as StateDefinition['initial'] });
  throw new DefinitionError(
    'INVALID_DEFINITION',
    `"state" of ${where}: "initial" is ${kindOf(initial)}. Give a function that makes the first state: () => ({ … }).`,
    { details: { where, option: 'state' } },
  );
}
