import { SelectionError, StoreError } from '../../lib/kernel/errors.ts';
import { suggest } from '../../lib/kernel/nearest.ts';
import { quote } from '../../lib/kernel/print.ts';
import { fixValue } from '../../lib/kernel/value/fix.ts';
import { checkVerbOptions, RULES, type OptionRules } from '../../lib/kernel/verb-options.ts';
import { decodeStored, NO_CODECS } from '../../lib/events/coded-value.ts';
import type { Position } from '../../lib/events/position.ts';
import { removedAt } from '../../lib/events/retention.ts';
import { aliasedPort } from '../../lib/events/aliased-port.ts';
import type { Store } from '../../lib/events/store.ts';
import type { Definitions } from '../../lib/model/definitions.ts';
import type { Step } from '../../lib/model/step-graph.ts';
import { checkStore } from '../run/options.ts';
import { lastStates, type StateAt } from '../run/step-states.ts';

/** Options of {@link stateOf}. */
export interface StateOfOptions {
  /** As of which position of the log; as of now by default. */
  readonly position?: Position;
}

const STATE_OF_RULES: OptionRules<StateOfOptions> = { position: RULES.position };

/**
 * The state of a step, now or as of a position: what the step's last success up to there left, frozen where it can be; `undefined` where it
 * had none. A step is named as events and messages name it: its path, or `definition:path`.
 *
 * Rejects with SelectionError INVALID_OPTION for what is no step that keeps state, StoreError VALUE_REMOVED where a prune removed the state,
 * or another StoreError.
 */
export async function stateOf(store: Store, defs: Definitions, stepId: string, options: StateOfOptions = {}): Promise<unknown> {
  checkStore('stateOf', store);
  checkVerbOptions('stateOf', options, STATE_OF_RULES);
  const step = findStep(defs, stepId);
  const port = aliasedPort(store.port, defs.aliases);
  const [state] = await lastStates(port, [step], options.position ?? (await port.head()));
  if (state === undefined) return undefined;
  const [bytes] = await port.values([state.address]);
  if (bytes === undefined) throw await stateGone(store, step, state);
  const { address, position } = state;
  const value = decodeStored(bytes, NO_CODECS, () => ({
    what: `the state of step ${quote(step.id)} at position ${position} in ${quote(port.label)}`,
    details: { step: step.id, position, address },
  }));
  fixValue(value);
  return value;
}

function findStep({ graph }: Definitions, stepId: string): Step {
  const steps = new Map<string, Step>();
  for (const step of graph.steps) {
    if (step.op.state === undefined) continue;
    steps.set(`${step.definition}:${step.path}`, step);
    steps.set(step.id, step);
  }
  const found = steps.get(stepId);
  if (found !== undefined) return found;
  throw new SelectionError(
    'INVALID_OPTION',
    `stateOf() is asked for ${quote(String(stepId))}, which is no step that keeps state. ${suggest(String(stepId), new Set([...steps.values()].map(({ id }) => id)))}`,
    { details: { step: stepId } },
  );
}

async function stateGone({ port }: Store, { id }: Step, { position, address }: StateAt): Promise<StoreError> {
  const removed = await removedAt(port, address);
  const of = `The state of step ${quote(id)} at position ${position} in ${quote(port.label)}`;
  const details = { step: id, position, address };
  if (removed === undefined)
    return new StoreError('STORE_CORRUPT', `${of} is not there. Verify the store, or restore a backup.`, { details });
  const why =
    removed.reason === 'retention'
      ? 'was removed by a prune, which keeps the last state of each step. Read a later position'
      : 'was lost to damage, and could not be repaired. Restore a backup';
  return new StoreError('VALUE_REMOVED', `${of} ${why}.`, {
    details: { ...details, reason: removed.reason, size: removed.size, removedAt: removed.head },
  });
}
