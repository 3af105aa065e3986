import { isCount } from '../kernel/count.ts';
import { checkVerbOptions, RULES, type OptionRule, type OptionRules } from '../kernel/verb-options.ts';
import type { PruneReport, PruneRequest } from './store-port.ts';

/** How much a store keeps. */
export interface KeepOptions {
  /** How many versions of each asset and source to keep: 100 by default. Equal values recorded in a row are one. */
  readonly versions?: number;
  /** Of how many of the latest runs to keep every value: 20 by default. */
  readonly runs?: number;
  /**
   * Of how many of the latest runs to keep what bodies logged and how hooks failed, with all that was said since the oldest of them started. Of all
   * by default. Live services are none of them.
   */
  readonly logsOfRuns?: number;
}

/** How a store forgets by itself. */
export interface RetentionOptions extends KeepOptions {
  /** How many events and values have to be added, at the least, before the store looks for what nothing needs any more: 10,000 by default. */
  readonly every?: number;
  /** Told what was removed. What it throws is told to `onFailure`. */
  readonly onPruned?: (report: PruneReport) => void;
  /** Told why nothing could be removed, which is tried again later and fails no run: a warning of the process by default. */
  readonly onFailure?: (error: unknown) => void;
}

/** What a store that forgets by itself goes by. */
export interface RetentionRules extends Pick<PruneRequest, 'versions' | 'runs' | 'logsOfRuns'> {
  readonly every: number;
  readonly onPruned: ((report: PruneReport) => void) | undefined;
  readonly onFailure: (error: unknown) => void;
}

const VERSIONS = 100;
const RUNS = 20;
const EVERY = 10_000;

const COUNT: OptionRule = {
  accepts: isCount,
  cure: 'Give a whole number from 0.',
};

/** What options that say how much is kept must be. */
export const KEEP_RULES: OptionRules<KeepOptions> = {
  versions: {
    accepts: (value) => COUNT.accepts(value) && value !== 0,
    cure: 'Give a whole number from 1: the latest version is always kept.',
  },
  runs: COUNT,
  logsOfRuns: COUNT,
};

const RETENTION_RULES: OptionRules<RetentionOptions> = {
  ...KEEP_RULES,
  every: { accepts: (value) => COUNT.accepts(value) && value !== 0, cure: 'Give a whole number from 1.' },
  onPruned: RULES.function,
  onFailure: RULES.function,
};

/** The rule of the option `retention` of those who open a store. What is in it is checked by {@link retentionRules}. */
export const RETENTION: OptionRule = {
  accepts: (value) => value === false || (typeof value === 'object' && value !== null),
  cure: 'Give what to keep, such as { versions: 100 }, or false to remove nothing.',
};

/** What is kept where nothing else is said. */
export function keptBy({
  versions = VERSIONS,
  runs = RUNS,
  logsOfRuns,
}: KeepOptions): Pick<PruneRequest, 'versions' | 'runs' | 'logsOfRuns'> {
  return { versions, runs, logsOfRuns };
}

/**
 * What a store goes by: `false` where it removes nothing by itself.
 *
 * @param warn told of what fails where no `onFailure` is given
 * @throws SelectionError INVALID_OPTION
 */
export function retentionRules(verb: string, given: RetentionOptions | false, warn: (error: unknown) => void): RetentionRules | false {
  if (given === false) return false;
  checkVerbOptions(`the retention of ${verb}`, given, RETENTION_RULES);
  const { every = EVERY, onPruned, onFailure = warn } = given;
  return Object.freeze({ ...keptBy(given), every, onPruned, onFailure });
}
