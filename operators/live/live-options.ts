import { isRecord } from '../../lib/kernel/record.ts';
import { RULES, type OptionRules } from '../../lib/kernel/verb-options.ts';
import type { RetryPolicy } from '../../lib/model/retry.ts';
import { PLAN_RULES, type PlanOptions } from '../../lib/plan/plan.ts';
import { RUN_RULES, type RunOptions } from '../run/options.ts';
import type { Feed, Origin } from './feed.ts';
import type { EpochPolicy } from './intake.ts';

/** What {@link live} takes beside the definitions. */
export interface LiveOptions<Assets>
  extends Omit<PlanOptions<Assets>, 'mode' | 'inGraphUpstream' | 'crossGraphUpstream'>, Omit<RunOptions, 'sources' | 'whenBusy' | 'ports'> {
  /** How sources get their values, by key: an origin alone, or what `feed` made. A source may also be pushed by hand. */
  readonly sources?: Readonly<Record<string, Feed | Origin<unknown>>>;
  /** When an epoch begins; by default each item is one. */
  readonly epochs?: EpochPolicy;
  /** How many epochs may be settled and not on disk yet; 100 by default. */
  readonly window?: number;
  /** The time limit of steps whose op has none of its own, in milliseconds: no epoch hangs for ever. 60,000 by default. */
  readonly stepTimeoutMs?: number;
  /** When to try failed steps again although nothing changed; by default they wait for a changed input. */
  readonly retryFailed?: RetryPolicy;
  /** Closes the service when every feed has ended and all that came is on disk. Needs a feed with an origin. */
  readonly closeWhenDone?: boolean;
}

const { mode: _mode, inGraphUpstream: _inGraph, crossGraphUpstream: _crossGraph, ...PLANNING } = PLAN_RULES;
const { sources: _sources, whenBusy: _whenBusy, ports: _ports, ...RUNNING } = RUN_RULES;

const wholeFromOne = (value: unknown): boolean => Number.isInteger(value) && Number(value) >= 1;
const isMs = (value: unknown): boolean => typeof value === 'number' && value > 0 && value < 2 ** 31;

/** What the options of a live service must be. */
export const LIVE_RULES: OptionRules<LiveOptions<unknown>> = {
  ...PLANNING,
  ...RUNNING,
  sources: { accepts: isRecord, cure: 'Give a record of source key to feed.' },
  epochs: {
    accepts: isEpochPolicy,
    cure: 'Give an object with "items" (a whole number from 1), "ms" (above 0 and below 2^31) or "marks" (true), or some of them.',
  },
  window: { accepts: wholeFromOne, cure: 'Give a whole number from 1.' },
  stepTimeoutMs: { accepts: isMs, cure: 'Give milliseconds above 0 and below 2^31.' },
  retryFailed: { accepts: isRecord, cure: 'Give a retry policy: { max, delayMs, backoff, … }.' },
  closeWhenDone: RULES.flag,
};

function isEpochPolicy(value: unknown): boolean {
  if (!isRecord(value)) return false;
  const { items, ms, marks, ...unknown } = value;
  if (Object.keys(unknown).length > 0) return false;
  return (items === undefined || wholeFromOne(items)) && (ms === undefined || isMs(ms)) && (marks === undefined || marks === true);
}
