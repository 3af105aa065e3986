import { quote } from '../kernel/print.ts';
import type { Position } from '../events/position.ts';
import type { AssetKey } from '../model/asset-key.ts';

/** An asset or a source that the store knows, and the definitions do not. */
export interface GoneAsset {
  readonly key: AssetKey;
  /** The event behind what readers get of it. */
  readonly position: Position;
  /** The definition that recorded it last; `undefined` for a source. */
  readonly definition: string | undefined;
  /** The key of something new that looks like it: if it is that, it wants an alias. */
  readonly now: AssetKey | undefined;
  readonly sentence: string;
}

/** A definition of which steps are recorded, and that is not there any more. */
export interface GoneDefinition {
  readonly definition: string;
  /** How many of its steps are recorded. */
  readonly steps: number;
  /** The name of a new definition that looks like it. */
  readonly now: string | undefined;
  readonly sentence: string;
}

/** A step that the definitions no longer have: of a definition that is still there, or one that left a state. */
export interface GoneStep {
  readonly definition: string;
  readonly step: string;
  /** Its last success. */
  readonly position: Position;
  /** Whether it left a state: nothing goes on from that. */
  readonly hasState: boolean;
  /** The path of a new step of its definition that looks like it. */
  readonly now: string | undefined;
  readonly sentence: string;
}

/** What a store has that definitions have left behind, each in alphabetical order. */
export interface Gone {
  readonly assets: readonly GoneAsset[];
  readonly definitions: readonly GoneDefinition[];
  /** Without those that an asset or a definition stands for that is gone too. */
  readonly steps: readonly GoneStep[];
  /** How many keys and outputs that are gone were not looked at, since there are so many. */
  readonly more: number;
}

/** An asset or a source that is gone. */
export function goneAsset(facts: Omit<GoneAsset, 'sentence'>): GoneAsset {
  const { key, position, definition, now } = facts;
  const by = definition === undefined ? 'as a source' : `by definition ${quote(definition)}`;
  const sentence = `${quote(key)} is no longer defined; it was recorded last ${by}, at position ${position}.${hint(key, now)}`;
  return Object.freeze({ ...facts, sentence });
}

/** A definition that is gone. */
export function goneDefinition(facts: Omit<GoneDefinition, 'sentence'>): GoneDefinition {
  const { definition, steps, now } = facts;
  const recorded = steps === 1 ? '1 step of it is recorded' : `${steps} steps of it are recorded`;
  return Object.freeze({ ...facts, sentence: `Definition ${quote(definition)} is no longer there; ${recorded}.${hint(definition, now)}` });
}

/** A step that is gone. */
export function goneStep(facts: Omit<GoneStep, 'sentence'>): GoneStep {
  const { definition, step, position, hasState, now } = facts;
  const rest = hasState
    ? `nothing goes on from the state that it left at position ${position}`
    : `it succeeded last at position ${position}`;
  return Object.freeze({
    ...facts,
    sentence: `Step ${quote(`${definition}:${step}`)} is no longer defined; ${rest}.${hint(step, now)}`,
  });
}

function hint(before: string, now: string | undefined): string {
  return now === undefined ? '' : ` If it is ${quote(now)} now, give that the alias ${quote(before)}.`;
}

/** What is gone, a sentence each. */
export function goneSentences(gone: Gone | undefined): readonly string[] {
  if (gone === undefined) return [];
  const { assets, definitions, steps, more } = gone;
  const sentences = [...assets, ...definitions, ...steps].map(({ sentence }) => sentence);
  return more === 0 ? sentences : [...sentences, `The store has ${more} more names that are no longer defined: see status().`];
}
