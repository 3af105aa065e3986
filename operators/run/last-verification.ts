import type { LoggedEvent, Verification } from '../../lib/events/logged-event.ts';
import type { Position } from '../../lib/events/position.ts';
import type { StorePort } from '../../lib/events/store-port.ts';
import type { Definitions } from '../../lib/model/definitions.ts';
import type { AssetKey } from '../../lib/model/asset-key.ts';
import { placeName } from '../../lib/model/step-place.ts';
import type { Since } from '../../lib/plan/verification.ts';

/** The newest verification of a plan, and what the log says of its steps and keys since. */
export interface FoundVerification {
  readonly verified: Verification;
  readonly since: Omit<Since, 'versions'>;
}

/** Which verification is looked for, and where. */
export interface VerificationQuestion {
  readonly port: StorePort;
  readonly defs: Definitions;
  /** Identity of the plan. */
  readonly plan: string;
  readonly readsAt: Position;
  /** How many events may be read: looking at every step costs no more than reading so many. */
  readonly limit: number;
}

/** Enough where little was put since: after a refresh that verified something, that is the event in front of what came since. */
const FIRST_PAGE = 4;
const GROWTH = 8;
const LARGEST_PAGE = 500;

/**
 * Reads the log backwards, to the run that verified the plan last. Nothing where it is too far back, or where the log says something since
 * that cannot be judged.
 */
export async function lastVerification({ port, defs, plan, readsAt, limit }: VerificationQuestion): Promise<FoundVerification | undefined> {
  const search = new Search(plan);
  let end = readsAt;
  for (let size = FIRST_PAGE; end > 0 && readsAt - end < limit; size = Math.min(size * GROWTH, LARGEST_PAGE)) {
    const from = Math.max(1, end - size + 1);
    for (const event of (await port.read(from, end - from + 1)).toReversed()) if (search.isOver(event)) return search.found(defs);
    end = from - 1;
  }
  return undefined;
}

type RunEndedVerified = Extract<LoggedEvent, { readonly type: 'run-ended' }> & { readonly verified: Verification };

/** Looks at one event after the other, the newest first. */
class Search {
  readonly #plan: string;
  readonly #since: LoggedEvent[] = [];
  #own: RunEndedVerified | undefined;
  #isUnclear = false;

  constructor(plan: string) {
    this.#plan = plan;
  }

  /** Whether no event before this one counts, which is taken note of. */
  isOver(event: LoggedEvent): boolean {
    if (canBeJudged(event)) this.#note(event);
    else this.#isUnclear = true;
    return this.#isUnclear || (this.#own !== undefined && event.position - 1 <= this.#own.verified.position);
  }

  found(defs: Definitions): FoundVerification | undefined {
    return this.#own === undefined || this.#isUnclear ? undefined : account(defs, this.#own, this.#since);
  }

  #note(event: LoggedEvent): void {
    if (this.#own === undefined && verifies(event, this.#plan)) this.#own = event;
    else this.#since.push(event);
  }
}

function verifies(event: LoggedEvent, plan: string): event is RunEndedVerified {
  return event.type === 'run-ended' && event.verified?.plan === plan;
}

/** What nobody knows any more, or not yet, may have been about anything. */
function canBeJudged(event: LoggedEvent): boolean {
  return event.type !== 'unknown' && !(event.type === 'removed' && event.kind === 'lost');
}

function account({ assets }: Definitions, { verified, runId }: RunEndedVerified, events: readonly LoggedEvent[]): FoundVerification {
  const keys = new Set<AssetKey>();
  const steps = new Set<string>();
  for (const event of events) {
    // What its own run did is what it verified.
    if (event.type === 'removed' || event.type === 'unknown' || event.runId === runId) continue;
    if ('key' in event && (event.type === 'source-observed' || assets.has(event.key))) keys.add(event.key);
    if (event.type === 'step-settled') steps.add(placeName({ definition: event.definition, path: event.step }));
  }
  return { verified, since: { keys, steps } };
}
