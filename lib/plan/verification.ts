import { createHash } from 'node:crypto';
import type { Verification } from '../events/logged-event.ts';
import type { AssetKey } from '../model/asset-key.ts';
import type { Aliases } from '../model/renamed.ts';
import { placeName } from '../model/step-place.ts';
import type { Plan, PlannedEntry, PlannedStep } from './plan.ts';

/** What a verification is about, and what else decides about the code of its steps. */
export interface PlanIdentity {
  /** Hash of the steps, their wiring, ops, code versions and config, and of the assets that they are asked for. */
  readonly hash: string;
  /** Whether some op declares no code version (F6). */
  readonly hasUnversioned: boolean;
  /** Whether an asset is loaded: it is compared with what was loaded then, and may be stale besides. */
  readonly loadsAssets: boolean;
  /** Names of the resources that the steps need: their versions are a part of the code's. */
  readonly resources: readonly string[];
}

/** Under which name the version stands of ops that declare none. No resource is named so. */
export const UNVERSIONED = '';

const identities = new WeakMap<Plan['steps'], { readonly selection: Plan['selection']; readonly identity: PlanIdentity }>();

/**
 * The identity of a plan for verifications. The hash of a plan says more (mode and policies), and less: names of outputs, and which inputs
 * are optional, decide whether a step is reused or skipped.
 */
export function planIdentity({ steps, selection, defs }: Plan): PlanIdentity {
  const known = identities.get(steps);
  if (known !== undefined && known.selection === selection) return known.identity;
  const identity = identify(steps, selection, defs.aliases);
  identities.set(steps, { selection, identity });
  return identity;
}

function identify(steps: Plan['steps'], selection: Plan['selection'], { keyNow, stepNow }: Aliases): PlanIdentity {
  const hash = createHash('sha256').update('2');
  // Under another name there may be something newer than what was verified.
  hash.update(JSON.stringify([[...keyNow], [...stepNow].map(([place, { id }]) => [place, id])]));
  const resources = new Set<string>();
  let [hasUnversioned, loadsAssets] = [false, false];
  for (const planned of steps) {
    const needed = resourcesOf(planned);
    hash.update(JSON.stringify([...stepRow(planned), needed, outputRows(planned, selection)]));
    for (const name of needed) resources.add(name);
    if (planned.step.op.codeVersion === undefined) hasUnversioned = true;
    if (planned.inputs.some(({ entries }) => entries.some(isLoad))) loadsAssets = true;
  }
  return { hash: `sha256:${hash.digest('hex')}`, hasUnversioned, loadsAssets, resources: [...resources].toSorted() };
}

function isLoad(entry: PlannedEntry): boolean {
  return entry.from === 'store' && !entry.source;
}

function stepRow({ step: { definition, path, op }, inputs, config }: PlannedStep): readonly unknown[] {
  const wiring = inputs.map(({ name, kind, optional, hold, entries }) => [
    name,
    kind,
    optional,
    hold,
    entries.map((entry) => (entry.from === 'step' ? [entry.step, entry.output] : entry.key)),
  ]);
  return [definition, path, op.name, op.codeVersion ?? null, op.volatile, op.outputsTogether, config?.hash ?? null, wiring];
}

function outputRows({ step, needed }: PlannedStep, selection: Plan['selection']): readonly unknown[] {
  return needed.map((index) => {
    const { name, key } = step.outputs[index] ?? {};
    return [index, name, key ?? null, key !== undefined && selection.has(key)];
  });
}

function resourcesOf({ step: { op } }: PlannedStep): readonly string[] {
  return Object.values(op.resources).map(({ name }) => name);
}

/** What has happened since a verification. */
export interface Since {
  /** Sources and assets of which readers may get something else. */
  readonly keys: ReadonlySet<AssetKey>;
  /** Steps that settled, by {@link placeName}. */
  readonly steps: ReadonlySet<string>;
  /** Versions of the code as they are now, by name. */
  readonly versions: Verification['versions'];
}

/**
 * The steps of a plan that have to be looked at: those that something has happened to since they were verified, all that reads them, and
 * those that say so themselves. All others give what they gave, since nothing that their traces hold is another one (F1).
 */
export function stepsToLookAt(steps: Plan['steps'], verified: Verification, since: Since): readonly PlannedStep[] {
  const { alone } = verified;
  const versions = changedVersions(verified.versions, since.versions);
  const isQuiet = verified.open.length + versions.size + since.keys.size + since.steps.size === 0;
  const { keys, steps: settled } = since;
  const open = isQuiet ? NOTHING : closeDownstream(steps, { keys, steps: settled, open: new Set(verified.open), versions });
  if (open.size === 0 && alone.length === 0) return [];
  return [...new Set([...open, ...alone])].toSorted((a, b) => a - b).flatMap((index) => steps[index] ?? []);
}

const NOTHING: ReadonlySet<number> = new Set();

function changedVersions(before: Verification['versions'], now: Verification['versions']): ReadonlySet<string> {
  const names = [...Object.keys(before), ...Object.keys(now)];
  return new Set(names.filter((name) => before[name] !== now[name]));
}

interface Changed extends Pick<Since, 'keys' | 'steps'> {
  readonly open: ReadonlySet<number>;
  /** Names of versions that are others. */
  readonly versions: ReadonlySet<string>;
}

function closeDownstream(steps: Plan['steps'], changed: Changed): ReadonlySet<number> {
  const found = new Set<number>();
  for (const planned of steps) if (isTouched(planned, changed) || readsTouched(planned, changed, found)) found.add(planned.index);
  return found;
}

function isTouched(planned: PlannedStep, { open, keys, steps, versions }: Changed): boolean {
  const { step } = planned;
  if (open.has(planned.index)) return true;
  if (versions.size > 0 && hasOtherCode(planned, versions)) return true;
  if (steps.size > 0 && steps.has(placeName(step))) return true;
  return keys.size > 0 && step.outputs.some(({ key }) => key !== undefined && keys.has(key));
}

function hasOtherCode(planned: PlannedStep, versions: ReadonlySet<string>): boolean {
  if (planned.step.op.codeVersion === undefined && versions.has(UNVERSIONED)) return true;
  return resourcesOf(planned).some((name) => versions.has(name));
}

function readsTouched({ inputs }: PlannedStep, { keys }: Changed, touched: ReadonlySet<number>): boolean {
  for (const { entries } of inputs)
    for (const entry of entries) if (entry.from === 'step' ? touched.has(entry.step) : keys.has(entry.key)) return true;
  return false;
}
