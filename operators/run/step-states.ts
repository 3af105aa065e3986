import { SelectionError } from '../../lib/kernel/errors.ts';
import { quote, quoteList } from '../../lib/kernel/print.ts';
import type { Address } from '../../lib/events/data-version.ts';
import type { Position } from '../../lib/events/position.ts';
import { isCatalogStore } from '../../lib/events/catalog.ts';
import type { OutputId, StorePort } from '../../lib/events/store-port.ts';
import type { Step } from '../../lib/model/step-graph.ts';
import type { PlannedStep } from '../../lib/plan/plan.ts';
import type { CommittedState } from '../step/state.ts';

/** Where the state is kept that each step of a plan starts from, by plan index; of steps that committed none yet, nothing. */
export type StateAddresses = ReadonlyMap<number, Address>;

/** A committed state: which event it came with, and where it is kept. */
export interface StateAt {
  readonly position: Position;
  readonly address: Address;
}

/**
 * The last states that steps committed, as of a position, in the order asked.
 *
 * Every success of a step is the last one of each output that it had in need, until a later success has that output in need too or drops it.
 * So the newest of the last successes of all its outputs is the newest success of the step, and what that left is its state. They differ
 * where outputs came and went with the code: an op only drops outputs that it declares. Where none of its outputs is known, it may have had
 * others: the store is asked for what it has. A success that was written when the op kept no
 * state left none.
 */
export async function lastStates(port: StorePort, steps: readonly Step[], at: Position): Promise<readonly (StateAt | undefined)[]> {
  const questions = steps.flatMap(({ definition, path, outputs }, which) =>
    outputs.map(({ name }) => ({ definition, step: path, output: name, which })),
  );
  if (questions.length === 0) return [];
  const states = await newestStates(port, questions, { count: steps.length, at });
  const renamed = await outputsBefore(
    port,
    steps.flatMap((step, which) => (states[which] === undefined ? [{ step, which }] : [])),
  );
  if (renamed.length === 0) return states;
  const before = await newestStates(port, renamed, { count: steps.length, at });
  return states.map((state, which) => state ?? before[which]);
}

interface StateQuestion extends OutputId {
  /** Which of the steps asked about it is an output of. */
  readonly which: number;
}

/** Outputs that steps had under other names: a state is that of the step, whatever its outputs are called now. */
async function outputsBefore(
  port: StorePort,
  unknown: readonly { readonly step: Step; readonly which: number }[],
): Promise<readonly StateQuestion[]> {
  if (unknown.length === 0 || !isCatalogStore(port)) return [];
  const { outputs } = await port.catalog();
  return unknown.flatMap(({ step: { definition, path }, which }) =>
    outputs.flatMap((each) => (each.definition === definition && each.step === path ? [{ ...each, which }] : [])),
  );
}

async function newestStates(
  port: StorePort,
  questions: readonly StateQuestion[],
  { count, at }: { readonly count: number; readonly at: Position },
): Promise<readonly (StateAt | undefined)[]> {
  const newest: (StateAt & { readonly last: Address | null })[] = [];
  const settled = await port.lastSettled(questions, at);
  for (const [index, { which }] of questions.entries()) {
    const event = settled[index];
    if (event === undefined || event.position <= (newest[which]?.position ?? 0)) continue;
    newest[which] = { position: event.position, address: event.stateAddress ?? '', last: event.stateAddress };
  }
  return Array.from({ length: count }, (_, which) => {
    const found = newest[which];
    return found === undefined || found.last === null ? undefined : { position: found.position, address: found.last };
  });
}

/**
 * What the steps of a plan start from that keep state, as of a position.
 *
 * Rejects with SelectionError MISSING_VALUE where the store has lost a state, and StoreError where it cannot be read: a step that went on
 * from its initial state would give wrong answers without a word.
 */
export async function readStates(
  steps: readonly PlannedStep[],
  { port, readsAt }: { readonly port: StorePort; readonly readsAt: Position },
): Promise<StateAddresses> {
  const keeping = steps.filter(({ step }) => step.op.state !== undefined);
  if (keeping.length === 0) return NONE;
  const states = await lastStates(
    port,
    keeping.map(({ step }) => step),
    readsAt,
  );
  const found = keeping.flatMap(({ index, step }, which) => {
    const state = states[which];
    return state === undefined ? [] : [{ index, id: step.id, address: state.address }];
  });
  if (found.length === 0) return NONE;
  const isKept = await port.has(found.map(({ address }) => address));
  const lost = found.filter((_, which) => isKept[which] !== true).map(({ id }) => id);
  if (lost.length > 0) throw stateLost(port.label, lost, ' Nothing ran and nothing was written.');
  return new Map(found.map(({ index, address }) => [index, address]));
}

const NONE: StateAddresses = new Map();

/** The state that a step starts from, read when it runs; `undefined` where it starts from the op's initial one. */
export function stateReader(
  port: StorePort,
  states: StateAddresses,
): (planned: PlannedStep) => Promise<CommittedState | undefined> | undefined {
  return ({ index, step }) => {
    const address = states.get(index);
    return address === undefined ? undefined : readState(port, address, step.id);
  };
}

/**
 * Reads a committed state.
 *
 * Rejects with SelectionError MISSING_VALUE where the store has lost it.
 */
export async function readState(port: StorePort, address: Address, step: string): Promise<CommittedState> {
  const [bytes] = await port.values([address]);
  if (bytes === undefined) throw stateLost(port.label, [step], '');
  return { address, bytes };
}

function stateLost(label: string, steps: readonly string[], sofar: string): SelectionError {
  return new SelectionError(
    'MISSING_VALUE',
    `The store ${quote(label)} no longer has the state that ${quoteList(steps)} would go on from. Restore a backup; or let the step begin anew under another name, with .as("name") in its graph.${sofar}`,
    { details: { steps } },
  );
}
