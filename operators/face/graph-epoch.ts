import { assetKey, type AssetKey } from '../../lib/model/asset-key.ts';
import { assetsFromGraph, type AssetsDefinition } from '../../lib/model/assets-from-graph.ts';
import { define, type Definitions } from '../../lib/model/definitions.ts';
import { graph, type AnyGraph, type Graph, type Returned } from '../../lib/model/graph.ts';
import { isHandle } from '../../lib/model/handle.ts';
import { op } from '../../lib/model/op.ts';
import { input, type InputKind, type Inputs } from '../../lib/model/port.ts';
import { source } from '../../lib/model/source.ts';
import { plan, type Plan } from '../../lib/plan/plan.ts';
import { systemClock, uniqueId } from '../run/environment.ts';
import { runSteps, type SettledStep } from '../run/run-steps.ts';
import { freezeEmitted } from '../run/slot.ts';
import type { Supplied, Supply } from '../run/supply.ts';
import type { EpochOf } from './epoch-of.ts';

/** Frames carry what a run would read from a store: inputs under these keys, so that an output may have an input's name. */
const IN = 'in';
const OUT = 'out';
const CONCURRENCY = 16;

/** A graph as an epoch: planned once, run for each frame, recorded nowhere. */
export function graphEpoch(target: AnyGraph, selected: ReadonlySet<string>): EpochOf {
  const planned = planGraph(target, selected);
  const inputs = Object.entries(target.inputs).map(([name, { kind }]) => ({ name, kind, key: inKey(name) }));
  return (frame, signal, done) => {
    const settled: SettledStep[] = [];
    runSteps(
      {
        plan: planned,
        runId: uniqueId(),
        supply: supplyFrom(inputs, frame),
        clock: systemClock,
        // In somebody's pipe, what is synchronous stays so, however slow the machine is: their scheduler decides who gets a turn.
        turnMs: Infinity,
        concurrency: CONCURRENCY,
        signal,
        graceMs: 0,
        observer: {
          onStart: () => undefined,
          onDiscard: () => undefined,
          onSettled: (each) => void settled.push(each),
          onFatal: () => undefined,
        },
        fix: freezeEmitted,
      },
      (failed) => {
        if (signal.aborted) return;
        const error = failed ?? settled.find((each) => each.error !== undefined);
        done(error === undefined ? { outputs: outputsOf(planned, settled) } : { error: error.error });
      },
    );
  };
}

// Each output passes through an op of its own: so an output may be transient, or be returned under two names, which no asset may.
const pass = op({ name: '$pass', inputs: { value: input<unknown>() }, run: ({ value }) => value });

function planGraph(inner: AnyGraph, selected: ReadonlySet<string>): Plan {
  // Typed by name alone: what the graph carries does not matter for a plan whose values nobody reads by key.
  const untyped = inner as Graph<string, Inputs, Returned>;
  const outer = graph('frame', { inputs: inner.inputs }, (handles) => {
    const returned = untyped(handles);
    const outputs = isHandle(returned) ? { result: returned } : returned;
    return Object.fromEntries(Object.entries(outputs).map(([name, value], index) => [name, pass.as(`$pass_${index}`)({ value })]));
  });
  const keysByOutputName = Object.fromEntries(inner.outputNames.map((name) => [name, [OUT, name]]));
  const keysByInputName = Object.fromEntries(Object.keys(inner.inputs).map((name) => [name, [IN, name]]));
  const assets: AssetsDefinition = assetsFromGraph(outer, { canSubset: true, keysByOutputName, keysByInputName });
  const defs: Definitions = define({ assets: [assets, ...Object.keys(inner.inputs).map((name) => source([IN, name]))] });
  return plan(defs, { select: [...selected].map((name) => outKey(name)) });
}

function outKey(name: string): AssetKey {
  return assetKey([OUT, name], 'toOperator()');
}

function inKey(name: string): AssetKey {
  return assetKey([IN, name], 'toOperator()');
}

interface GraphInput {
  readonly name: string;
  readonly kind: InputKind;
  readonly key: AssetKey;
}

function supplyFrom(inputs: readonly GraphInput[], frame: Readonly<Record<string, unknown>>): Supply {
  return new Map(
    inputs.map(({ name, kind, key }) => {
      const value = Object.hasOwn(frame, name) ? frame[name] : undefined;
      // Order alone needs no value: what a frame is there for has settled (N6).
      const isThere = value !== undefined || kind === 'nothing';
      const supplied: Supplied = {
        state: isThere ? { state: 'value', version: 'none:' } : { state: 'absent' },
        position: null,
        value: () => value,
      };
      return [key, supplied];
    }),
  );
}

function outputsOf({ selection }: Plan, settled: readonly SettledStep[]): Readonly<Record<string, unknown>> {
  const found = settled.flatMap(({ planned, slots }) =>
    [...slots].flatMap(([output, slot]) => {
      const key = planned.step.outputs[output]?.key;
      return key !== undefined && selection.has(key) && slot.state === 'value' && !slot.none
        ? [[key.slice(OUT.length + 1), slot.value] as const]
        : [];
    }),
  );
  return Object.freeze(Object.fromEntries(found));
}
