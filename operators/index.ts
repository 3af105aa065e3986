/**
 * The RxJS face of Sluice: ops and graphs as operators, runs as Observables, outputs as Subjects.
 *
 * @packageDocumentation
 */
export { toOperator } from './face/to-operator.ts';
export type { GraphFrame, GraphRecord, OperatorOptions } from './face/to-operator.ts';
export { outputPorts } from './step/ports.ts';
export type { OutputPorts } from './step/ports.ts';
export { gate } from './step/gate.ts';
export { tail } from './read/tail.ts';
export type { TailObservableOptions } from './read/tail.ts';
export { run } from './run/run.ts';
export type { RunOptions } from './run/options.ts';
export type { RunEvent } from '../lib/events/run-event.ts';
export type { Clock } from './step/clock.ts';
