import fc from 'fast-check';
import type { Definitions } from '../../index.ts';
import { isRecord } from '../../lib/kernel/record.ts';
import { checkVerbOptions, type OptionRules } from '../../lib/kernel/verb-options.ts';
import { checkDefinitions } from '../../lib/model/check-definitions.ts';
import { assetsOf, world, WORLD_RULES, type WorldConstraints } from './arbitraries.ts';
import type { SourceValues } from './check-case.ts';
import { DEPTH, someOf } from './constraint-rules.ts';
import type { DefinableWorld } from './define-world.ts';
import type { History, HistoryAction, WorldHistory } from './history-case.ts';
import { printHistoryFailed } from './print-history.ts';

/** How histories are made. */
export interface HistoryConstraints {
  /** How many actions at most, 10 by default. One run of everything comes behind them. */
  readonly maxActions?: number;
  /** What may happen; everything by default. */
  readonly actions?: readonly HistoryAction['do'][];
}

/** What {@link history} takes: the values of each source, by key, those that it has at first and those that are put. */
export interface HistoryOptions extends HistoryConstraints {
  readonly sources?: Readonly<Record<string, fc.Arbitrary<unknown>>>;
}

/** An action before it is known what there is: numbers are taken modulo that. */
type Draft = { readonly do: HistoryAction['do']; readonly at: number; readonly chosen: number; readonly value: unknown };

/** What an action may be about. */
interface Parts {
  readonly sources: readonly string[];
  readonly assets: readonly string[];
  readonly steps: readonly string[];
}

const weights: Readonly<Record<HistoryAction['do'], number>> = {
  refresh: 9,
  put: 8,
  materialize: 2,
  code: 2,
  break: 2,
  mend: 2,
  evict: 2,
  restart: 1,
};

const LIMIT_RULES: OptionRules<HistoryConstraints> = { maxActions: DEPTH, actions: someOf(Object.keys(weights)) };

const HISTORY_RULES: OptionRules<HistoryOptions> = {
  ...LIMIT_RULES,
  sources: {
    accepts: (value) => isRecord(value) && Object.values(value).every((each) => each instanceof fc.Arbitrary),
    cure: 'Give an arbitrary for each source, by key.',
  },
};

/** Some assets, often all, one, or all but one; shrinks towards few. Never none. */
export function selection(keys: readonly string[]): fc.Arbitrary<readonly string[]> {
  return chosenBits(keys.length).map((chosen) => chosenOf(keys, chosen));
}

function chosenBits(count: number): fc.Arbitrary<number> {
  // Beyond that, bits are used again: any asset is still in some selections and out of others.
  const most = Math.min(count, 30);
  const place = fc.nat({ max: Math.max(0, most - 1) });
  const all = 2 ** most - 1;
  return fc.oneof(
    place.map((at) => 2 ** at),
    place.map((at) => all - 2 ** at),
    fc.constant(all),
    fc.nat({ max: all }),
  );
}

function chosenOf(keys: readonly string[], chosen: number): readonly string[] {
  const found = keys.filter((_, index) => Math.trunc(chosen / 2 ** (index % 30)) % 2 === 1);
  return found.length === 0 ? keys.slice(0, 1) : found;
}

function draft(
  { maxActions = 10, actions }: HistoryConstraints,
  { put, assets }: { readonly put: fc.Arbitrary<Pick<Draft, 'at' | 'value'>>; readonly assets: number },
): fc.Arbitrary<readonly Draft[]> {
  const names = (Object.keys(weights) as HistoryAction['do'][]).filter((name) => actions?.includes(name) ?? true); // the keys of its record
  const other = fc.record({ at: fc.nat({ max: 99 }), chosen: chosenBits(assets), value: fc.constant(undefined) });
  const choices = names.map((name) => ({
    weight: weights[name],
    arbitrary:
      name === 'put' ? put.map((each): Draft => ({ ...each, do: name, chosen: 0 })) : other.map((each): Draft => ({ ...each, do: name })),
  }));
  return fc.array(fc.oneof(...choices), { maxLength: maxActions, size: 'max' });
}

function actionOf({ do: what, at, chosen, value }: Draft, { sources, assets, steps }: Parts): readonly HistoryAction[] {
  const of = (all: readonly string[]): string | undefined => all[at % all.length];
  if (what === 'restart') return [{ do: what }];
  if (what === 'refresh' || what === 'materialize') return [{ do: what, select: chosenOf(assets, chosen) }];
  const [source, asset, step] = [of(sources), of(assets), of(steps)];
  if (what === 'put') return source === undefined ? [] : [{ do: what, source, value }];
  if (what === 'evict') return asset === undefined ? [] : [{ do: what, asset }];
  return step === undefined ? [] : [{ do: what, step }];
}

function historyOf(sources: SourceValues, drafts: readonly Draft[], parts: Parts): History {
  return { sources, actions: [...drafts.flatMap((each) => actionOf(each, parts)), { do: 'refresh', select: [...parts.assets] }] };
}

/**
 * What may happen to your definitions: sources change, selections run, steps fail and are mended, code changes, values are lost, processes start
 * anew; at the end, everything is refreshed. A failing one is printed as a program. Play it with `playHistory`.
 *
 * @throws SelectionError INVALID_OPTION
 */
export function history(defs: Definitions, options: HistoryOptions = {}): fc.Arbitrary<History> {
  checkDefinitions('history', defs);
  checkVerbOptions('history', options, HISTORY_RULES);
  const { sources: given = {}, ...constraints } = options;
  const sources = Object.keys(given);
  const assets = [...defs.assets.keys()];
  const steps = defs.graph.steps.map(({ id }) => id);
  const puts = Object.values(given).map((values, at) => values.map((value) => ({ at, value })));
  const put = puts.length === 0 ? fc.constant({ at: 0, value: undefined }) : fc.oneof(...puts);
  return fc
    .record({ sources: fc.record({ ...given }), drafts: draft(constraints, { put, assets: assets.length }) })
    .map((drawn) => printed({ history: historyOf(drawn.sources, drawn.drafts, { sources, assets, steps }) }).history);
}

/**
 * Made-up worlds, and what happens to them. A failing one is printed as text, as a program, as a drawing, and as one string to play it again.
 *
 * @throws SelectionError INVALID_OPTION
 */
export function worldHistory(given: HistoryConstraints & WorldConstraints = {}): fc.Arbitrary<WorldHistory> {
  checkVerbOptions('worldHistory', given, { ...LIMIT_RULES, ...WORLD_RULES });
  const { maxActions, actions, ...constraints } = given;
  const put = fc.record({ at: fc.nat({ max: 1 }), value: fc.nat({ max: 5 }) });
  const limits = { ...(maxActions !== undefined && { maxActions }), ...(actions !== undefined && { actions }) };
  return fc.record({ world: world(constraints), drafts: draft(limits, { put, assets: 8 }) }).map(({ world, drafts }) => {
    const parts = { sources: Object.keys(world.sources), assets: assetsOf(world), steps: Object.keys(world.steps) };
    return printed({ world, history: historyOf(world.sources, drafts, parts) });
  });
}

/** The same, with what fast-check prints of it where it fails. */
function printed<Case extends { readonly world?: DefinableWorld; readonly history: History }>(drawn: Case): Case {
  const toString = (): string => printHistoryFailed(drawn);
  return { ...drawn, history: { ...drawn.history, [fc.toStringMethod]: toString }, [fc.toStringMethod]: toString };
}
