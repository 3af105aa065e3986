/**
 * Tools for tests: made-up worlds of ops and graphs, the rules as a naive reference to compare with, a tap that tells what a run did, and
 * the contract that a store has to keep.
 *
 * @packageDocumentation
 */
export { evaluate } from './reference.ts';
export type { Answer, Question, Settled, State, World, WorldBody, WorldEntry, WorldInput, WorldOutput, WorldStep } from './reference.ts';

export { defineWorld } from './define-world.ts';
export type { DefinableStep, DefinableWorld, DefineWorldOptions, WorldOp } from './define-world.ts';
export { bodyForms } from './world-body.ts';
export type { BodyForm, BodyHooks } from './world-body.ts';
export { behaviours, harmlessBehaviours, worldOp } from './world-op.ts';
export type { Behaviour, OpParts } from './world-op.ts';

export { assetsOf, printCase, world, worldCase } from './arbitraries.ts';
export { printWorld } from './print-world.ts';
export type { CaseConstraints, WorldConstraints } from './arbitraries.ts';
export type { WorldCase, WorldRun } from './world-case.ts';
export { printMermaid, printProgram } from './print-code.ts';
export { pairwise } from './pairwise.ts';
export type { Axes, AxesCase } from './pairwise.ts';
export { smallWorlds, subsetsOf } from './enumerate.ts';
export type { SmallConstraints, SmallKind } from './enumerate.ts';

export { history, selection, worldHistory } from './history.ts';
export type { HistoryConstraints, HistoryOptions } from './history.ts';
export type { History, HistoryAction, HistoryRunAction, WorldHistory } from './history-case.ts';
export { playHistory } from './play-history.ts';
export type { HistoryRun, PlayHistoryOptions } from './play-history.ts';
export { historyFrom, historyText, printHistory, printHistoryProgram, worldHistoryFrom, worldHistoryText } from './print-history.ts';
export type { PrintedHistory } from './print-history.ts';
export { schedule } from './schedule.ts';
export type { Schedule } from './schedule.ts';
export { binaryValue, similarValue, storableValue } from './storable-values.ts';

export { tap } from './tap.ts';
export type { Tapped } from './tap.ts';

export { storeContract } from './store-contract.ts';
export type { StoreContractOptions } from './store-contract.ts';
export type { StoreCheck, StoreUnderTest } from './store-check.ts';

export { checkSubsets } from './check-subsets.ts';
export type { CheckOptions, CheckReport, CheckSubsetsOptions, Samples } from './check-subsets.ts';
export { checkGraph, checkOp } from './check-op.ts';
export type { CheckInputsOptions } from './check-op.ts';
export { checkStore } from './check-store.ts';
export type { StoreReport } from './check-store.ts';
export { CheckError } from './check-error.ts';
export type { CheckName } from './check-finding.ts';
export type { SourceValues } from './check-case.ts';

export { callableLaws, laws } from './laws.ts';
export type { CallableLaw, Law } from './law.ts';
export type { LawEngine } from './law-engine.ts';
export type { LawOptions, LawProperty } from './law-trial.ts';
