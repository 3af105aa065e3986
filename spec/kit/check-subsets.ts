import fc from 'fast-check';
import type { Definitions, PlanOptions, RunOptions } from '../../index.ts';
import { checkDefinitions } from '../../lib/model/check-definitions.ts';
import { adviceOn } from './check-advice.ts';
import { Target, type Playing, type SourceValues, type SubsetCase, type Tally } from './check-case.ts';
import { CheckError } from './check-error.ts';
import { claims, type CheckName, type Finding } from './check-finding.ts';
import { shown, tableOf } from './check-print.ts';
import { checkOptions } from './check-options.ts';
import { selectionsOf } from './check-selections.ts';

/** Values to try: one, several, an arbitrary that makes them, or one with arbitraries in it. */
export type Samples<T> = T | readonly T[] | fc.Arbitrary<T> | { readonly [Name in keyof T]: T[Name] | fc.Arbitrary<T[Name]> };

/** How much is checked, whatever is checked. */
export interface CheckOptions extends Pick<PlanOptions<unknown>, 'config' | 'resources' | 'pools'>, Pick<RunOptions, 'clock'> {
  /** How many cases; 200 by default. A case is a selection on inputs, and takes four runs. */
  readonly cases?: number;
  /** Makes the same cases again; by default that of `fc.configureGlobal`, or one by chance. */
  readonly seed?: number;
  /** Plays one case again: what a failed check printed. */
  readonly replay?: string;
  /** Whether steps may fail, as long as they always do on the same inputs; false by default. */
  readonly mayFail?: boolean;
}

/** What {@link checkSubsets} takes. */
export interface CheckSubsetsOptions extends CheckOptions {
  /** Values of all sources, by key. */
  readonly inputs?: Samples<SourceValues>;
}

/** What a check that found nothing has to say. `String(report)` is a table. */
export interface CheckReport {
  readonly cases: number;
  readonly runs: number;
  /** How many selections were tried; each stands for all that ask the same of every body. */
  readonly selections: number;
  /** How many cases each check was made on. */
  readonly checks: ReadonlyMap<CheckName, number>;
  /** What is not wrong, and could be saved. */
  readonly advice: readonly string[];
  toString(): string;
}

/**
 * Tries what is true of every subset on your own definitions: see `claims` in the report. Runs them in memory stores of their own, with the
 * bodies as they are, so give fakes for resources that reach outside.
 *
 * Rejects with CheckError CHECK_FAILED, whose message is the smallest case found that shows what is wrong, and how to play it again; with
 * SelectionError INVALID_OPTION where there is nothing that could be checked.
 */
export async function checkSubsets(defs: Definitions, options: CheckSubsetsOptions = {}): Promise<CheckReport> {
  checkDefinitions('checkSubsets', defs);
  checkOptions('checkSubsets', options);
  const { inputs = {}, ...rest } = options;
  return checkCases(
    { inputs: arbitraryOf(inputs), define: () => ({ defs, sources: (given) => given }) },
    { subject: 'checkSubsets', ...rest },
  );
}

/** What cases are made of: definitions, which may depend on the inputs, and what the inputs are for their sources. */
export interface Subject<Inputs> {
  readonly inputs: fc.Arbitrary<Inputs>;
  /** The same object for inputs that the same definitions fit. */
  readonly define: (inputs: Inputs) => DefinedSubject<Inputs>;
}

/** Definitions, and how they are given inputs. */
export interface DefinedSubject<Inputs> {
  readonly defs: Definitions;
  readonly sources: (inputs: Inputs) => SourceValues;
}

/** Samples of any form as an arbitrary. */
export function arbitraryOf<T>(samples: Samples<T>): fc.Arbitrary<T> {
  if (samples instanceof fc.Arbitrary) return samples;
  if (Array.isArray(samples)) return fc.constantFrom(...samples);
  const parts = Object.entries(samples as Readonly<Record<string, unknown>>); // one sample, or what its names may be
  if (!parts.some(([, part]) => part instanceof fc.Arbitrary)) return fc.constant(samples as T);
  const drawn = parts.map(([name, part]) => [name, part instanceof fc.Arbitrary ? part : fc.constant(part)] as const);
  return fc.record(Object.fromEntries(drawn), { noNullPrototype: true }) as fc.Arbitrary<T>; // every name has what a sample has there
}

const CASES = 200;
const MOST_SALT = 2 ** 20;

/** What is set for all properties, or chance. */
function anySeed(): number {
  return fc.readConfigureGlobal()?.seed ?? Math.trunc(Math.random() * 2 ** 31);
}

/** Plays cases until one shows something that is wrong; then shrinks it. Selections in order, small ones first, each with its share of the cases. */
export async function checkCases<Inputs>(
  { inputs, define }: Subject<Inputs>,
  { subject, cases = CASES, replay, ...options }: CheckOptions & { readonly subject: string },
): Promise<CheckReport> {
  const again = replay === undefined ? undefined : readReplay(replay);
  const seed = again?.seed ?? options.seed ?? anySeed();
  const tally: Tally = { runs: 0, checks: new Map(), discarded: new Map() };
  const subjects = new Subjects(define, { playing: playingOf(options), tally, seed });
  const selections = fc.sample(inputs, { numRuns: 1, seed }).flatMap((first) => subjects.of(first).selections).length;
  const rounds = again === undefined ? sharesOf(cases, selections) : [{ turn: again.turn, numRuns: 1, path: again.path }];
  for (const { turn, ...share } of rounds) {
    const shrunk = new Shrunk(subjects, turn);
    const property = fc.asyncProperty(inputs, inputs, fc.nat({ max: MOST_SALT }), (...drawn) => shrunk.passes(...drawn));
    const details = await fc.check(property, { seed: seed + turn, ...share });
    if (shrunk.last !== undefined) throw failed(subject, shrunk.last, [seed, turn, details.counterexamplePath ?? ''].join(':'));
    // Not what was checked, but the check itself: inputs that are missing, say.
    if (details.failed) throw details.errorInstance;
  }
  const played = rounds.reduce((sum, { numRuns }) => sum + numRuns, 0);
  return reportOf(subject, { cases: played, tally, selections, defs: subjects.last });
}

function playingOf({ mayFail = false, clock, config, resources, pools }: CheckOptions): Playing {
  return {
    planning: {
      ...(config !== undefined && { config }),
      ...(resources !== undefined && { resources }),
      ...(pools !== undefined && { pools }),
    },
    running: clock === undefined ? {} : { clock },
    mayFail,
  };
}

interface Round {
  /** Which selection it is. */
  readonly turn: number;
  readonly numRuns: number;
}

/** How many cases each selection gets. Where there are more selections than cases, those that get one are spread over all. */
function sharesOf(cases: number, selections: number): readonly Round[] {
  const before = (turn: number): number => Math.floor((turn * cases) / selections);
  const shares = Array.from({ length: selections }, (_, turn) => ({ turn, numRuns: before(turn + 1) - before(turn) }));
  return shares.filter(({ numRuns }) => numRuns > 0);
}

function readReplay(replay: string): { readonly seed: number; readonly turn: number; readonly path: string } {
  const [seed = '', turn = '', ...path] = replay.split(':');
  return { seed: Number(seed), turn: Number(turn), path: path.join(':') };
}

/** Plays drawn cases on one selection, and remembers the last one that failed: the smallest. */
class Shrunk<Inputs> {
  last: Found | undefined;
  readonly #subjects: Subjects<Inputs>;
  readonly #turn: number;

  constructor(subjects: Subjects<Inputs>, turn: number) {
    this.#subjects = subjects;
    this.#turn = turn;
  }

  async passes(given: Inputs, other: Inputs, salt: number): Promise<boolean> {
    const { target, selections, sources } = this.#subjects.of(given);
    const before = this.#subjects.of(other).target === target ? other : given;
    const played = { select: selections[this.#turn % selections.length] ?? [], inputs: sources(given), before: sources(before), salt };
    const finding = await target.check(played);
    if (finding !== undefined) this.last = { finding, played };
    return finding === undefined;
  }
}

interface Found {
  readonly finding: Finding;
  readonly played: SubsetCase;
}

interface Prepared<Inputs> {
  readonly target: Target;
  readonly selections: readonly (readonly string[])[];
  readonly sources: DefinedSubject<Inputs>['sources'];
}

/** What was prepared of each set of definitions. */
class Subjects<Inputs> {
  readonly #define: Subject<Inputs>['define'];
  readonly #with: { readonly playing: Playing; readonly tally: Tally; readonly seed: number };
  readonly #known = new Map<Definitions, Prepared<Inputs>>();
  last: Definitions | undefined;

  constructor(define: Subject<Inputs>['define'], made: { readonly playing: Playing; readonly tally: Tally; readonly seed: number }) {
    this.#define = define;
    this.#with = made;
  }

  of(inputs: Inputs): Prepared<Inputs> {
    const { defs, sources } = this.#define(inputs);
    this.last = defs;
    const known = this.#known.get(defs);
    if (known !== undefined) return known;
    const { playing, tally, seed } = this.#with;
    const prepared = { target: new Target(defs, playing, tally), selections: selectionsOf(defs, randomFrom(seed)), sources };
    this.#known.set(defs, prepared);
    return prepared;
  }
}

/** Numbers from 0 to 1, the same for the same seed. */
function randomFrom(seed: number): () => number {
  let state = (Math.abs(seed) % 2_147_483_646) + 1;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}

function failed(subject: string, { finding, played }: Found, replay: string): CheckError {
  const { check, problem, cure, evidence } = finding;
  const rows = [
    ['check', check],
    ['claim', claims[check]],
    ['select', played.select.join(', ')],
    ['inputs', shown(played.inputs)],
    ...(check === 'incremental' ? [['before', shown(played.before)]] : []),
    ...evidence.map((line, index) => [index === 0 ? 'shown by' : '', line]),
    ['again', `${subject}(…, { …, replay: '${replay}' })`],
  ];
  return new CheckError([`${subject}: ${problem} ${cure}`, ...tableOf(rows)].join('\n'), {
    details: { check, select: played.select, inputs: played.inputs, replay },
  });
}

interface Told {
  readonly cases: number;
  readonly tally: Tally;
  readonly selections: number;
  readonly defs: Definitions | undefined;
}

function reportOf(subject: string, { cases, tally, selections, defs }: Told): CheckReport {
  const { runs, checks } = tally;
  const advice = defs === undefined ? [] : adviceOn(defs, tally.discarded);
  // Every key of the table is the name of a check.
  const names = Object.keys(claims) as readonly CheckName[];
  const rows = names.map((check) => [check, claims[check], `${checks.get(check) ?? 0} cases`]);
  const head = `${subject}: nothing found in ${cases} cases on ${selections} selections, ${runs} runs`;
  const text = [head, ...tableOf(rows), ...advice.map((line) => `  advice: ${line}`)].join('\n');
  return Object.freeze({ cases, runs, selections, checks, advice, toString: () => text });
}
