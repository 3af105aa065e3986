import type { AnyOp } from '../../lib/model/op.ts';
import type { InputPort } from '../../lib/model/port.ts';
import { systemClock, uniqueId } from '../run/environment.ts';
import { freezeEmitted, type ValueSlot } from '../run/slot.ts';
import { executeStep, type StepEnd } from '../step/execute-step.ts';
import type { EpochDone, EpochOf } from './epoch-of.ts';

const NOTHING: Readonly<Record<string, unknown>> = Object.freeze({});

/** One op as an epoch: the gate and the checks of a step, with no graph around it. */
export function opEpoch(op: AnyOp, selectedOutputs: ReadonlySet<string>): EpochOf {
  const runId = uniqueId();
  return (frame, signal, done) => {
    // Nothing asked for, nothing runs (N1); and a required input without a value skips the op, as an absent entry does in a graph (X3).
    if (selectedOutputs.size === 0 || isSkipped(op, frame)) return done({ outputs: NOTHING });
    const end = executeStep({
      op,
      step: op.name,
      selectedOutputs,
      unselected: 'discard',
      onDiscard: () => undefined,
      runId,
      inputs: inputsOf(op, frame),
      signal,
      clock: systemClock,
      fix: (_, emitted) => freezeEmitted(emitted),
    });
    if (end instanceof Promise) end.then((ended) => finish(ended, done)).catch((error: unknown) => done({ error }));
    else finish(end, done);
  };
}

function finish(end: StepEnd<ValueSlot>, done: EpochDone): void {
  if (end.outcome === 'failed') return done({ error: end.error });
  if (end.outcome === 'cancelled') return;
  const fixed = [...end.emitted].flatMap(([output, emitted]) => (emitted.none ? [] : [[output, emitted.value] as const]));
  done({ outputs: Object.freeze(Object.fromEntries(fixed)) });
}

function isSkipped({ inputs }: AnyOp, frame: Readonly<Record<string, unknown>>): boolean {
  return Object.entries(inputs).some(([name, { kind, optional }]) => kind !== 'nothing' && !optional && valueOf(frame, name) === undefined);
}

function inputsOf({ inputs }: AnyOp, frame: Readonly<Record<string, unknown>>): object {
  const given = ([name, { kind }]: readonly [string, InputPort]): readonly [string, unknown] => {
    const value = valueOf(frame, name);
    // null is a value (X11).
    return [name, value === undefined && kind === 'list' ? [] : value];
  };
  return Object.freeze(Object.fromEntries(Object.entries(inputs).flatMap((input) => (input[1].kind === 'nothing' ? [] : [given(input)]))));
}

function valueOf(frame: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.hasOwn(frame, name) ? frame[name] : undefined;
}
