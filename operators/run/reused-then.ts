import type { StorePort } from '../../lib/events/store-port.ts';
import type { Plan, PlannedStep } from '../../lib/plan/plan.ts';
import { tracedOutput, type Trace } from '../../lib/plan/trace.ts';
import { codeVersionOf } from './code-version.ts';
import { endedByItself, type ChainEvents, type RunChain } from './parent-run.ts';
import { readHeld, type Held } from './held.ts';
import { pin, wantedKeys } from './pin.ts';
import { readable } from './resolve.ts';
import { keptSlot, readTraces, Reuse, type Traces } from './reuse.ts';
import type { Slot } from './slot.ts';
import type { Supply } from './supply.ts';

/** By plan index, then by output index: what the log said of a step that a run reused. */
export type ReusedThen = ReadonlyMap<number, ReadonlyMap<number, Trace>>;

interface FirstRun {
  readonly port: StorePort;
  readonly chain: RunChain;
  readonly events: ChainEvents;
  /** How many of the last traces of an output are tried. */
  readonly limit: number;
}

/**
 * The steps that the first run of a chain reused. It has no events of them: they are those that it did not run, and whose last success before
 * it read the very same. A step that it did not know, since it is new, or needed by nobody then, may have a success too, but of other inputs.
 */
export async function findReused(plan: Plan, { port, chain: { root }, events, limit }: FirstRun): Promise<ReusedThen> {
  if (!endedByItself(root)) return new Map();
  const unsettled = plan.steps.filter(({ step }) => events.settledFirst(step) === undefined);
  if (unsettled.length === 0) return new Map();
  const { readsAt } = root.started;
  const wanted = wantedKeys(plan);
  const keys = unsettled.flatMap(({ step }) => step.outputs.flatMap(({ key }) => key ?? []));
  const read = await readable(port, [...new Set([...wanted.keys(), ...keys])], readsAt);
  const before = new Map([...read, ...events.observed]);
  const traces = await readTraces(plan, port, { steps: unsettled, readsAt, before, limit });
  const { codecs } = plan.defs;
  const supply = pin({ port, wanted, values: new Map(), before, ever: before, observed: new Map(), codecs });
  const held = await readHeld(plan, { port, codecs, readsAt });
  return new FirstRunAgain(plan, { port, supply, held, settled: events.settledFirst, traces }).reused();
}

interface Known {
  readonly port: StorePort;
  readonly supply: Supply;
  readonly held: Held;
  readonly settled: ChainEvents['settledFirst'];
  readonly traces: Traces;
}

/** Goes through a run that is over, in its order, and says what it must have reused. */
class FirstRunAgain {
  readonly #plan: Plan;
  readonly #known: Known;
  readonly #slots: ReadonlyMap<number, Slot>[] = [];

  constructor(plan: Plan, known: Known) {
    this.#plan = plan;
    this.#known = known;
  }

  reused(): ReusedThen {
    const reused = new Map<number, ReadonlyMap<number, Trace>>();
    for (const planned of this.#plan.steps) {
      const settled = this.#known.settled(planned.step);
      const held = settled === undefined ? this.#heldThen(planned) : undefined;
      if (held !== undefined) reused.set(planned.index, held);
      this.#slots[planned.index] = this.#slotsOf(planned, (output) => held?.get(output) ?? settled);
    }
    return reused;
  }

  #heldThen(planned: PlannedStep): ReadonlyMap<number, Trace> | undefined {
    const traces = this.#known.traces.get(planned.index);
    if (traces === undefined || !this.#readsWhatIsKnown(planned)) return undefined;
    // Which code and which config that run had is not for these definitions to say: they may be mended since.
    const { op } = planned.step;
    const now = { op: op.name, codeVersion: codeVersionOf(this.#plan, planned.step), config: planned.config?.hash ?? null };
    const asNow = traces.map((each) => each.map((trace) => ({ ...trace, ...now })));
    const reuse = new Reuse(
      { plan: this.#plan, traces: new Map([[planned.index, asNow]]), codecs: this.#plan.defs.codecs },
      this.#known.port,
    );
    const verdict = reuse.of(planned, { slots: this.#slots, supply: this.#known.supply, held: this.#known.held });
    if (verdict === undefined || 'why' in verdict) return undefined;
    const held = new Map<number, Trace>();
    for (const [output, slot] of verdict.slots) {
      const trace = slot.state === 'kept' ? traces.flat().find(({ position }) => position === slot.trace.position) : undefined;
      if (trace !== undefined) held.set(output, trace);
    }
    return held;
  }

  #readsWhatIsKnown({ inputs }: PlannedStep): boolean {
    return inputs.every(({ entries }) =>
      entries.every((entry) =>
        entry.from === 'store' ? this.#known.supply.has(entry.key) : this.#slots[entry.step]?.has(entry.output) === true,
      ),
    );
  }

  #slotsOf({ step, needed }: PlannedStep, traceOf: (output: number) => Trace | undefined): ReadonlyMap<number, Slot> {
    const slots = new Map<number, Slot>();
    for (const output of needed) {
      const trace = traceOf(output);
      const traced = tracedOutput(trace, step.outputs[output]?.name ?? '');
      if (trace !== undefined && traced !== undefined)
        slots.set(output, keptSlot({ port: this.#known.port, codecs: this.#plan.defs.codecs }, trace, traced));
    }
    return slots;
  }
}
