import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { StepError } from '../../../lib/kernel/errors.ts';
import { NEVER, ScopePlay, type Action, type Opening, type Plan, type Taking, type Way } from './play-scope.ts';

const way = fc.constantFrom<Way>('gives', 'throws', 'gives later', 'rejects later');

const plan: fc.Arbitrary<Plan> = fc.record({
  form: fc.oneof({ weight: 4, arbitrary: fc.constant('factory' as const) }, { weight: 1, arbitrary: fc.constant('value' as const) }),
  openings: fc.array(way, { minLength: 1, maxLength: 3 }),
  disposal: fc.record({
    by: fc.oneof({ weight: 3, arbitrary: fc.constantFrom('factory' as const, 'value' as const) }, fc.constant('nobody' as const)),
    way,
  }),
});

const scenario = fc.array(plan, { minLength: 1, maxLength: 4 }).chain((plans) => {
  const some = fc.constantFrom(...plans.keys());
  const action: fc.Arbitrary<Action> = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('take' as const), needs: fc.uniqueArray(some, { maxLength: plans.length }) }) },
    { weight: 5, arbitrary: fc.record({ kind: fc.constant('settle' as const), which: fc.nat(9) }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('turn' as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('dispose' as const) }) },
  );
  return fc.record({ plans: fc.constant(plans), actions: fc.array(action, { maxLength: 25 }) });
});

/** What was claimed and does not hold. */
class Claims {
  readonly broken: string[] = [];

  /** Claims something, with what it is about. */
  that(holds: boolean, claim: string, about: object): void {
    if (!holds) this.broken.push(`${claim}: ${fc.stringify(about)}`);
  }
}

function claimEnd(claims: Claims, taking: Taking, { play, plans }: Played): void {
  const { needs, end, expected } = taking;
  claims.that(end !== undefined, 'nothing is left unsettled', taking);
  if (needs.length === 0) return;
  claims.that(taking.synchronous === expected.synchronous, 'a promise only where something has to be waited for', taking);
  claims.that(isDeepStrictEqual(taking.opened, expected.opened), 'opens what is not open, in declared order', taking);
  if (end?.taken === undefined) claimRefused(claims, taking, play);
  else claimTaken(claims, taking, { play, plans });
}

function claimTaken(claims: Claims, taking: Taking, { play, plans }: Played): void {
  const taken = Object.entries(taking.end?.taken ?? {});
  const openings = taking.needs.map((of) => play.openings.find((each) => each.of === of && each.state === 'opened'));
  const right = taking.needs.every((of, at) => {
    const [name, value] = taken[at] ?? [];
    return name === `my${of}` && value === (plans[of]?.form === 'value' ? play.values[of] : openings[at]?.value);
  });
  claims.that(right && taken.length === taking.needs.length, 'gives what is open, by the names of the op', taking);
  // Whoever waits may hear of it some microtasks later, when disposing has begun.
  const moments = [taking.began, ...openings.map((opening) => opening?.settled ?? 0)];
  claims.that(Math.max(...moments) < play.disposeBegan, 'gives nothing when the run is over', taking);
}

function claimRefused(claims: Claims, taking: Taking, play: ScopePlay): void {
  const { needs, step, end, began } = taking;
  const error = end?.thrown;
  if (!(error instanceof StepError)) return claims.that(false, 'fails with a StepError', taking);
  const of = needs.find((each) => error.details['resource'] === `r${each}`);
  const named = error.code === 'RESOURCE_FAILED' && error.details['step'] === step && error.details['op'] === 'op' && of !== undefined;
  claims.that(named, 'names who needed what', taking);
  if (error.cause === undefined) {
    const over = error.message.includes('the run is over') && (end?.at ?? 0) > play.disposeBegan;
    return claims.that(over, 'refuses without a cause only when the run is over', taking);
  }
  const failed = play.openings.find((opening) => opening.thrown === error.cause);
  const told = failed?.of === of && failed?.state === 'failed' && failed.settled > began;
  return claims.that(told, 'fails with an opening that it waited for', taking);
}

function claimDisposed(claims: Claims, opening: Opening, { play, plans }: Played): void {
  const { of, state, disposals, settled, known } = opening;
  const disposable = state === 'opened' && plans[of]?.disposal.by !== 'nobody';
  claims.that(disposals.length === (disposable ? 1 : 0), 'what was opened is disposed once, and nothing else', opening);
  const ended = disposals[0]?.ended ?? settled;
  claims.that(ended < NEVER && play.ends.every(({ at }) => at > ended), 'dispose() waits for everything', opening);
  const began = disposals[0]?.began;
  if (began === undefined) return;
  claims.that(began > play.disposeBegan, 'nothing is disposed before its time', opening);
  claims.that(settled < play.disposeBegan || began < known, 'what is opened late is disposed at once', opening);
}

function claimOrder(claims: Claims, { play }: Played): void {
  const open = play.openings.filter(({ state, known }) => state === 'opened' && known <= play.disposeBegan);
  for (const [one, other] of open.flatMap((first) => open.map((second) => [first, second] as const))) {
    const [first, second] = [one.disposals[0], other.disposals[0]];
    if (one === other || first === undefined || second === undefined) continue;
    claims.that(first.ended < second.began || second.ended < first.began, 'disposes one after the other', { one, other });
    claims.that(one.known >= other.settled || second.ended < first.began, 'disposes the last opened first', { one, other });
  }
}

function claimFailures(claims: Claims, { play, plans }: Played): void {
  const expected = play.openings.filter(
    ({ of, disposals }) => disposals.length > 0 && /throws|rejects/.test(plans[of]?.disposal.way ?? 'gives'),
  );
  const given = play.ends[0]?.failures ?? [];
  const told = expected.every(({ of, thrown }) => given.some((failure) => failure.resource === `r${of}` && failure.thrown === thrown));
  claims.that(told && given.length === expected.length, 'disposals that failed are told, and no others', { given, expected });
  claims.that(
    play.ends.every(({ failures }) => failures === play.ends[0]?.failures),
    'dispose() gives the same each time',
    play.ends,
  );
}

interface Played {
  readonly play: ScopePlay;
  readonly plans: readonly Plan[];
}

test('whatever is opened is disposed once, in reverse order, whoever takes and whenever disposing begins', async () => {
  await fc.assert(
    fc.asyncProperty(scenario, async ({ plans, actions }) => {
      const play = new ScopePlay(plans);
      for (const action of actions) await play.act(action);
      await play.finish();
      const claims = new Claims();
      for (const taking of play.takings) claimEnd(claims, taking, { play, plans });
      for (const opening of play.openings) claimDisposed(claims, opening, { play, plans });
      claimOrder(claims, { play, plans });
      claimFailures(claims, { play, plans });
      expect([...play.violations, ...claims.broken]).toEqual([]);
    }),
    { numRuns: 500 },
  );
});
